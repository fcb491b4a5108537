//! The reference store in memory, and the exam that every store sits.
