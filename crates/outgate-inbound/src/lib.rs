//! Handlers for mail that comes in without a user: the capture box.
