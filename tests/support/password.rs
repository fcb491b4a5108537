//! Passwords that are right in form and belong to nobody (docs/password-format.md), so that a guess costs the relay a
//! hash and is not refused by its form.

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The `number`-th of them.
pub fn guess(number: u64) -> String {
    let mut state = number.wrapping_add(1);
    let body: String = (0..28)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(DIGITS[(state >> 33) as usize % DIGITS.len()])
        })
        .collect();
    with_checksum(&format!("ogpass{body}"))
}

fn with_checksum(body: &str) -> String {
    let mut rest = crc32fast::hash(body.as_bytes()) as usize;
    let mut digits = [0; 6];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[rest % DIGITS.len()];
        rest /= DIGITS.len();
    }
    format!("{body}{}", String::from_utf8_lossy(&digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_documented() {
        assert_eq!(
            with_checksum("ogpassEXAMPLEEXAMPLEEXAMPLEEXAMPLE"),
            "ogpassEXAMPLEEXAMPLEEXAMPLEEXAMPLE09cnEf"
        );
        assert_ne!(guess(1), guess(2));
        assert_eq!(guess(1).len(), 40);
    }
}
