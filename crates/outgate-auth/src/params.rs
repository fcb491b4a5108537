//! What an argon2id hash costs.

/// The most memory for one hash, in KiB, asked for by the configuration or by a kept hash: 1 GiB.
const MAX_MEMORY_KIB: u32 = 1_048_576;
/// The most passes for one hash.
const MAX_ITERATIONS: u32 = 100;
/// The most lanes of one hash.
const MAX_PARALLELISM: u32 = 64;

/// The cost of an argon2id hash (RFC 9106 §3.1). The default is OWASP's first recommendation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Params {
    /// Memory, in KiB; at least 8 for each lane.
    pub memory_kib: u32,
    /// Passes over that memory.
    pub iterations: u32,
    /// Lanes.
    pub parallelism: u32,
}

/// Parameters that argon2id or this machine cannot take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "argon2id takes 1 to {MAX_PARALLELISM} lanes, 1 to {MAX_ITERATIONS} iterations, and 8 KiB a lane to {MAX_MEMORY_KIB} KiB of memory"
)]
pub struct ParamsError;

impl Default for Params {
    fn default() -> Self {
        Self { memory_kib: 19_456, iterations: 2, parallelism: 1 }
    }
}

impl Params {
    /// Whether argon2id and this machine take them.
    pub fn judge(self) -> Result<(), ParamsError> {
        self.checked().map(drop)
    }

    /// The parameters as argon2 takes them.
    pub(crate) fn checked(self) -> Result<argon2::Params, ParamsError> {
        if self.memory_kib > MAX_MEMORY_KIB
            || self.iterations > MAX_ITERATIONS
            || self.parallelism > MAX_PARALLELISM
        {
            return Err(ParamsError);
        }
        argon2::Params::new(self.memory_kib, self.iterations, self.parallelism, None).map_err(|_| ParamsError)
    }

    /// Whether these cost less than `other` in any respect.
    pub(crate) fn are_weaker_than(self, other: Self) -> bool {
        self.memory_kib < other.memory_kib
            || self.iterations < other.iterations
            || self.parallelism < other.parallelism
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds() {
        let params = |memory_kib, iterations, parallelism| Params { memory_kib, iterations, parallelism };
        assert!(Params::default().checked().is_ok());
        assert!(params(8, 1, 1).checked().is_ok());
        for bad in [
            params(7, 1, 1),
            params(8, 0, 1),
            params(8, 1, 0),
            params(8, 1, 2),
            params(MAX_MEMORY_KIB + 1, 1, 1),
            params(8, MAX_ITERATIONS + 1, 1),
            params(u32::MAX, 1, u32::MAX),
        ] {
            assert_eq!(bad.checked().unwrap_err(), ParamsError, "{bad:?}");
        }
    }

    #[test]
    fn weaker_in_any_respect() {
        let now = Params { memory_kib: 64, iterations: 2, parallelism: 2 };
        assert!(!now.are_weaker_than(now));
        assert!(Params { memory_kib: 63, ..now }.are_weaker_than(now));
        assert!(Params { iterations: 1, memory_kib: 640, ..now }.are_weaker_than(now));
        assert!(Params { parallelism: 1, ..now }.are_weaker_than(now));
        assert!(!Params { memory_kib: 65, ..now }.are_weaker_than(now));
    }
}
