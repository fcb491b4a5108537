//! Passwords and keys: made, hashed, verified, sealed; guesses throttled.
