//! Where a destination's servers are.

use crate::{
    address::is_public,
    config::{Config, HOSTS_TRIED, Route},
    failure::Failure,
};
use outgate_core::{Destination, DomainName, FailureClass, Mx, Randomness, Resolve, ResolveError};
use std::net::{IpAddr, SocketAddr};

/// Looks destinations up.
pub(crate) struct Directory<'a> {
    pub(crate) config: &'a Config,
    pub(crate) resolve: &'a dyn Resolve,
    pub(crate) randomness: &'a dyn Randomness,
}

/// A server's name, and what its lack of addresses would mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Host {
    pub(crate) name: String,
    pub(crate) port: u16,
    /// Whether it was chosen by the operator, who may put it anywhere.
    trusted: bool,
}

impl Directory<'_> {
    /// The hosts of a destination, in the order in which they are to be tried (RFC 5321 §5.1).
    pub(crate) async fn hosts(&self, destination: &Destination) -> Result<Vec<Host>, Failure> {
        let port = match &self.config.route {
            Route::SmartHost(host) => {
                return Ok(vec![Host { name: host.host.clone(), port: host.port, trusted: true }]);
            }
            Route::Mx { port } => *port,
        };
        let domain: DomainName = destination.as_str().parse().map_err(|_| {
            Failure::permanent(FailureClass::Local, format!("{destination} is not a domain's name"))
        })?;
        let names = match self.resolve.mx(&domain).await {
            Ok(records) => self.in_order(&domain, records)?,
            // RFC 5321 §5.1: without an MX record the domain itself is the host.
            Err(ResolveError::NoRecords) => vec![domain.as_str().to_owned()],
            Err(ResolveError::NoSuchName) => {
                return Err(Failure::permanent(
                    FailureClass::Domain,
                    format!("the domain {domain} does not exist"),
                ));
            }
            Err(error @ ResolveError::Temporary(_)) => {
                return Err(Failure::temporary(
                    FailureClass::Dns,
                    format!("the mail servers of {domain} are not known: {error}"),
                ));
            }
        };
        Ok(names.into_iter().map(|name| Host { name, port, trusted: false }).collect())
    }

    fn in_order(&self, domain: &DomainName, mut records: Vec<Mx>) -> Result<Vec<String>, Failure> {
        // RFC 7505 §3: a null MX stands alone; beside others it means nothing.
        records.retain(|mx| !mx.exchange.trim_end_matches('.').is_empty());
        if records.is_empty() {
            return Err(Failure::permanent(
                FailureClass::Domain,
                format!("556 5.1.10 the domain {domain} takes no mail (null MX)"),
            ));
        }
        self.shuffle(&mut records);
        records.sort_by_key(|mx| mx.preference);
        // RFC 5321 §5.1: where we are in the list ourselves, only better ones are tried, or mail would go in circles.
        let ourselves =
            |mx: &Mx| mx.exchange.trim_end_matches('.').eq_ignore_ascii_case(self.config.ehlo_name.as_str());
        if let Some(own) = records.iter().filter(|mx| ourselves(mx)).map(|mx| mx.preference).min() {
            records.retain(|mx| mx.preference < own);
        }
        if records.is_empty() {
            return Err(Failure::permanent(
                FailureClass::Local,
                format!("the best mail server of {domain} is this relay itself: the mail would loop"),
            ));
        }
        records.truncate(HOSTS_TRIED);
        Ok(records.into_iter().map(|mx| mx.exchange.trim_end_matches('.').to_owned()).collect())
    }

    /// The addresses of a host that are allowed, in the order in which they are to be tried: both families by turns, IPv6 first, so
    /// that a family that does not work here costs one attempt (after RFC 8305 §4).
    pub(crate) async fn addresses(&self, host: &Host) -> Result<Vec<SocketAddr>, Failure> {
        let name = &host.name;
        // An MX record names a host, never an address (RFC 5321 §5.1); an operator may name either.
        let literal = if host.trusted { name.trim_matches(['[', ']']).parse::<IpAddr>().ok() } else { None };
        let found = match literal {
            Some(address) => vec![address],
            None => self.resolve.addresses(name).await.map_err(|error| match error {
                ResolveError::Temporary(_) => Failure::temporary(
                    FailureClass::Dns,
                    format!("the address of {name} is not known: {error}"),
                ),
                // An operator's host that is not there is an operator's mistake, which can be mended.
                ResolveError::NoSuchName | ResolveError::NoRecords if host.trusted => {
                    Failure::temporary(FailureClass::Local, format!("the smart host {name} has no address"))
                }
                ResolveError::NoSuchName | ResolveError::NoRecords => {
                    Failure::permanent(FailureClass::Domain, format!("the mail server {name} has no address"))
                }
            })?,
        };
        let allowed = |address: &IpAddr| host.trusted || self.config.allow_private || is_public(*address);
        let (mut six, mut four): (Vec<IpAddr>, Vec<IpAddr>) =
            found.into_iter().filter(allowed).partition(IpAddr::is_ipv6);
        if six.is_empty() && four.is_empty() {
            // Not for good: a DNS blocker or a split DNS answers like this for every domain for as long as it is in the way,
            // and only the recipient's server or DNS as all see it ends a delivery (law 9). The retry time ends this one.
            return Err(Failure::temporary(
                FailureClass::Policy,
                format!(
                    "DNS gives only private addresses for the mail server {name}, and this relay does not deliver to \
                     those unless delivery.allow_private_destinations says so"
                ),
            ));
        }
        self.shuffle(&mut six);
        self.shuffle(&mut four);
        let (mut six, mut four) = (six.into_iter(), four.into_iter());
        let mut ordered = Vec::new();
        loop {
            let before = ordered.len();
            ordered.extend(six.next());
            ordered.extend(four.next());
            if ordered.len() == before {
                return Ok(ordered.into_iter().map(|address| SocketAddr::new(address, host.port)).collect());
            }
        }
    }

    /// RFC 5321 §5.1: equals are tried in random order, so that they share the load.
    fn shuffle<T>(&self, items: &mut [T]) {
        for n in (1..items.len()).rev() {
            let mut random = [0; 8];
            self.randomness.fill(&mut random);
            items.swap(n, (u64::from_le_bytes(random) % (n as u64 + 1)) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_trait::async_trait;
    use std::{
        collections::{BTreeSet, HashMap},
        sync::atomic::{AtomicU64, Ordering},
    };

    #[derive(Default)]
    struct Zone {
        mx: HashMap<&'static str, Result<Vec<Mx>, ResolveError>>,
        addresses: HashMap<&'static str, Result<Vec<IpAddr>, ResolveError>>,
    }

    #[async_trait]
    impl Resolve for Zone {
        async fn mx(&self, name: &DomainName) -> Result<Vec<Mx>, ResolveError> {
            self.mx.get(name.as_str()).cloned().unwrap_or(Err(ResolveError::NoSuchName))
        }
        async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, ResolveError> {
            self.addresses.get(host).cloned().unwrap_or(Err(ResolveError::NoSuchName))
        }
        async fn txt(&self, _: &str) -> Result<Vec<String>, ResolveError> {
            Err(ResolveError::NoRecords)
        }
    }

    #[derive(Default)]
    struct Dice(AtomicU64);

    impl Randomness for Dice {
        fn fill(&self, bytes: &mut [u8]) {
            for byte in bytes {
                *byte = (self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed) >> 32) as u8;
            }
        }
    }

    fn mx(list: &[(u16, &str)]) -> Result<Vec<Mx>, ResolveError> {
        if list.is_empty() {
            return Err(ResolveError::NoRecords);
        }
        let record =
            |(preference, host): &(u16, &str)| Mx { preference: *preference, exchange: (*host).into() };
        Ok(list.iter().map(record).collect())
    }

    fn config(route: Route) -> Config {
        Config::new("relay.example.net".parse().unwrap(), route)
    }

    async fn hosts(zone: &Zone, dice: &Dice, destination: &str) -> Result<Vec<String>, (bool, FailureClass)> {
        let config = config(Route::Mx { port: 25 });
        let directory = Directory { config: &config, resolve: zone, randomness: dice };
        let found = directory.hosts(&Destination::new(destination)).await;
        found
            .map(|hosts| hosts.into_iter().map(|host| host.name).collect())
            .map_err(|failure| (failure.permanent, failure.class))
    }

    #[tokio::test]
    async fn lists_of_mail_servers() {
        let trouble = || Err(ResolveError::Temporary("timeout".into()));
        let zone = Zone {
            mx: HashMap::from([
                ("plain.example", mx(&[(20, "b.example"), (10, "a.example"), (30, "c.example.")])),
                ("none.example", mx(&[])),
                ("null.example", mx(&[(0, "")])),
                ("dot.example", mx(&[(0, ".")])),
                ("half-null.example", mx(&[(0, ""), (10, "a.example")])),
                ("trouble.example", trouble()),
                (
                    "own.example",
                    mx(&[(5, "a.example"), (10, "RELAY.example.net."), (10, "b.example"), (20, "c.example")]),
                ),
                ("loop.example", mx(&[(10, "relay.example.net"), (20, "c.example")])),
            ]),
            ..Zone::default()
        };
        let dice = Dice::default();
        for (destination, expected) in [
            ("plain.example", Ok(vec!["a.example", "b.example", "c.example"])),
            ("none.example", Ok(vec!["none.example"])),
            ("null.example", Err((true, FailureClass::Domain))),
            ("dot.example", Err((true, FailureClass::Domain))),
            ("half-null.example", Ok(vec!["a.example"])),
            ("trouble.example", Err((false, FailureClass::Dns))),
            ("missing.example", Err((true, FailureClass::Domain))),
            ("own.example", Ok(vec!["a.example"])),
            ("loop.example", Err((true, FailureClass::Local))),
            ("not a name", Err((true, FailureClass::Local))),
        ] {
            let expected = expected.map(|hosts| hosts.into_iter().map(str::to_owned).collect());
            assert_eq!(hosts(&zone, &dice, destination).await, expected, "{destination}");
        }
    }

    #[tokio::test]
    async fn equals_share_the_load() {
        let zone = Zone {
            mx: HashMap::from([(
                "many.example",
                mx(&[(10, "a.example"), (10, "b.example"), (10, "c.example"), (20, "z.example")]),
            )]),
            ..Zone::default()
        };
        let dice = Dice::default();
        let mut first = BTreeSet::new();
        for _ in 0..100 {
            let hosts = hosts(&zone, &dice, "many.example").await.unwrap();
            assert_eq!(hosts[3], "z.example", "preference comes before chance");
            first.insert(hosts[0].clone());
        }
        assert_eq!(first.len(), 3, "{first:?}");
    }

    #[tokio::test]
    async fn addresses_of_hosts() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let zone = Zone {
            addresses: HashMap::from([
                ("both.example", Ok(vec![ip("8.0.0.1"), ip("8.0.0.2"), ip("2a00::1")])),
                ("inside.example", Ok(vec![ip("127.0.0.1"), ip("::1")])),
                ("mixed.example", Ok(vec![ip("10.0.0.1"), ip("8.0.0.1")])),
                ("none.example", Err(ResolveError::NoRecords)),
                ("trouble.example", Err(ResolveError::Temporary("timeout".into()))),
            ]),
            ..Zone::default()
        };
        let dice = Dice::default();
        let smart = Route::SmartHost(crate::SmartHost {
            host: "inside.example".into(),
            port: 25,
            tls: crate::SmartHostTls::Opportunistic,
            credentials: None,
        });
        for (route, allow_private, host, trusted, expected) in [
            (Route::Mx { port: 25 }, false, "both.example", false, Ok(3)),
            (Route::Mx { port: 25 }, false, "inside.example", false, Err((false, FailureClass::Policy))),
            (Route::Mx { port: 25 }, true, "inside.example", false, Ok(2)),
            (Route::Mx { port: 25 }, false, "mixed.example", false, Ok(1)),
            (Route::Mx { port: 25 }, false, "none.example", false, Err((true, FailureClass::Domain))),
            (Route::Mx { port: 25 }, false, "missing.example", false, Err((true, FailureClass::Domain))),
            (Route::Mx { port: 25 }, false, "trouble.example", false, Err((false, FailureClass::Dns))),
            (Route::Mx { port: 25 }, true, "127.0.0.1", false, Err((true, FailureClass::Domain))),
            (smart.clone(), false, "inside.example", true, Ok(2)),
            (smart.clone(), false, "127.0.0.1", true, Ok(1)),
            (smart.clone(), false, "[::1]", true, Ok(1)),
            (smart, false, "missing.example", true, Err((false, FailureClass::Local))),
        ] {
            let config = Config { allow_private, ..config(route) };
            let directory = Directory { config: &config, resolve: &zone, randomness: &dice };
            let found = directory.addresses(&Host { name: host.into(), port: 25, trusted }).await;
            let found = found.map_err(|failure| (failure.permanent, failure.class));
            assert_eq!(found.as_ref().map(Vec::len).map_err(|error| *error), expected, "{host}");
            if host == "both.example" {
                let six: Vec<bool> = found.unwrap().iter().map(SocketAddr::is_ipv6).collect();
                assert_eq!(six, [true, false, false]);
            }
        }
    }
}
