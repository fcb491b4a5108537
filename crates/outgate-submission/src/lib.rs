//! The handler for applications: sign-in, send right, intake, cut-off of open sessions.
