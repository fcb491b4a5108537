//! The reference store sits the exam.

outgate_store_conformance::exam!(outgate_store_conformance::MemoryStore::new());
