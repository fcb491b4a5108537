//! The exam: one law, one async function, one `#[test]`.
//!
//! A law is asked of a fresh store. It fails with words that tell what was promised, what was found and what was
//! wanted.

mod accepting;
mod domains;
mod events;
mod fixture;
mod lasting;
mod laws;
mod leases;
mod logins;
mod notifications;
mod operations;
mod races;
mod reading;
mod rights;
mod room;
mod settlements;
mod users;
mod walks;

pub use fixture::Fixture;
pub use laws::{LAWS, Law, sit};

/// Makes a `#[test]` of every law, in a module per family, for the store that a [`Fixture`] opens.
///
/// The argument is an expression that makes a fixture; every test makes its own. Put the line at the top level of a test
/// file of its own:
///
/// ```
/// outgate_store_conformance::exam!(outgate_store_conformance::MemoryStore::new());
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! exam {
    ($fixture:expr) => {
        fn exam_fixture() -> impl $crate::Fixture {
            $fixture
        }
        $crate::every_law! { $crate::exam_tests }
    };
}

/// The tests of [`exam!`].
#[doc(hidden)]
#[macro_export]
macro_rules! exam_tests {
    ($($family:ident { $($law:ident)* })*) => {$(
        mod $family {
            $(#[test] fn $law() {
                $crate::exam::sit(super::exam_fixture(), stringify!($family), stringify!($law));
            })*
        }
    )*};
}
