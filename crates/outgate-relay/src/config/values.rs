//! Values as people write them: `"5m"`, `"64MiB"`, `"30/5m"`, `"10.0.0.0/8"`.

use outgate_listen::{Cidr, CidrError};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{borrow::Cow, fmt, num::NonZeroU32, str::FromStr, time::Duration};

/// A length of time: `"500ms"`, `"5s"`, `"10m"`, `"72h"`, `"7d"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

impl Span {
    /// So many seconds.
    pub const fn seconds(n: u64) -> Self {
        Self(Duration::from_secs(n))
    }
}

impl FromStr for Span {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!("`{text}` is not a length of time: write it like \"500ms\", \"5s\", \"10m\" or \"72h\"")
        };
        let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let (number, unit) = text.split_at(digits);
        let (_, millis) = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(wrong)?;
        let number: u64 = number.parse().map_err(|_| wrong())?;
        number.checked_mul(*millis).map(|ms| Self(Duration::from_millis(ms))).ok_or_else(wrong)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        // Days are read but not written: 72h says more than 3d.
        let fits = |(_, unit): &&(&str, u64)| millis % unit == 0 && (millis > 0 || *unit == 1000);
        let (name, unit) = UNITS[1..].iter().find(fits).unwrap_or(&("ms", 1));
        write!(f, "{}{name}", millis / unit)
    }
}

/// A number of bytes: `26214400` or `"25MiB"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

impl FromStr for Bytes {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!("`{text}` is not a size: write a number of bytes, or like \"64KiB\", \"25MiB\", \"1GiB\"")
        };
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let factor: u64 = match unit.trim() {
            "" | "B" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            _ => return Err(wrong()),
        };
        let number: u64 = number.parse().map_err(|_| wrong())?;
        number.checked_mul(factor).map(Self).ok_or_else(wrong)
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// So many in so long: `"30/5m"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub count: NonZeroU32,
    /// In how long.
    pub per: Span,
}

impl FromStr for Rate {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a rate: write it like \"30/5m\"");
        let (count, per) = text.split_once('/').ok_or_else(wrong)?;
        let rate =
            Self { count: count.parse().map_err(|_| wrong())?, per: per.parse().map_err(|_| wrong())? };
        if rate.per.0.is_zero() { Err(wrong()) } else { Ok(rate) }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.count, self.per)
    }
}

/// A network: `"10.0.0.0/8"`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network(pub Cidr);

impl FromStr for Network {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let told = |why: CidrError| {
            format!("`{text}` is not a network: {why}; write it like \"10.0.0.0/8\" or \"192.0.2.7\"")
        };
        text.parse().map(Self).map_err(told)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

macro_rules! as_text {
    ($($name:ident: $kind:literal),+) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                $kind.into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "format": $kind })
            }
            fn inline_schema() -> bool {
                true
            }
        }
    )+};
}
as_text!(Span: "duration", Rate: "rate", Network: "network");

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(u64),
            Text(String),
        }
        match Written::deserialize(deserializer)? {
            Written::Number(bytes) => Ok(Self(bytes)),
            Written::Text(text) => text.parse().map_err(de::Error::custom),
        }
    }
}

impl JsonSchema for Bytes {
    fn schema_name() -> Cow<'static, str> {
        "size".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["integer", "string"], "format": "size" })
    }
    fn inline_schema() -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_read_and_write_the_same() {
        for text in ["500ms", "5s", "10m", "72h", "0s", "90s"] {
            assert_eq!(text.parse::<Span>().unwrap().to_string(), text);
        }
        assert_eq!("7d".parse::<Span>().unwrap().to_string(), "168h");
        assert_eq!("30/5m".parse::<Rate>().unwrap().to_string(), "30/5m");
        assert_eq!("10.0.0.0/8".parse::<Network>().unwrap().to_string(), "10.0.0.0/8");
        assert_eq!("64MiB".parse::<Bytes>().unwrap().0, 67_108_864);
    }

    #[test]
    fn what_is_not_a_value_is_told_how_to_be_one() {
        for wrong in ["", "5", "m", "5 m", "-5s", "99999999999999999999h"] {
            assert!(wrong.parse::<Span>().unwrap_err().contains("10m"), "{wrong}");
        }
        assert!("5MB".parse::<Bytes>().is_err());
        assert!("0/5m".parse::<Rate>().is_err());
        assert!("10.0.0.0/33".parse::<Network>().is_err());
    }
}
