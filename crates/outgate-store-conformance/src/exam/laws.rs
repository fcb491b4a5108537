//! The list of all laws, and how one is asked.

use super::{Fixture, room::Room};
use crate::Failure;
use std::{pin::Pin, sync::Arc, time::Duration};

/// How long a store may take over one law.
const DEADLINE: Duration = Duration::from_mins(2);

/// Whether a law was kept.
pub(super) type Verdict = Result<(), Failure>;

/// Hands the list of all laws, `family { law law … }`, to a macro.
#[doc(hidden)]
#[macro_export]
macro_rules! every_law {
    ($($then:tt)*) => { $($then)*! {
        domains {
            the_default_account_is_always_there
            an_added_domain_is_found_by_its_exact_name
            a_living_name_is_added_once
            keys_are_kept_in_order_of_making
            domains_come_in_order_of_name_page_by_page
            living_users_are_counted
            deleting_a_domain_takes_its_users_along
            a_deleted_name_comes_back_as_a_new_domain
            verification_is_recorded_and_told_once
            unknown_domains_are_told
            keys_outlive_their_domain_while_its_mail_is_queued
            history_outlives_its_domain
        }
        users {
            an_added_user_starts_active_at_epoch_one
            a_username_is_issued_once
            a_deleted_users_username_never_returns
            a_deleted_domains_usernames_never_return
            users_come_in_order_of_username_page_by_page
            a_rename_changes_the_name_alone
            reset_and_disable_raise_the_epoch_and_enable_does_not
            a_state_already_there_is_no_change
            unknown_users_are_told
            a_credential_is_never_stale
            a_rehash_needs_the_old_hash_and_epoch
        }
        logins {
            the_newest_login_wins
            a_login_is_told_only_when_it_looks_different
            a_login_of_a_user_who_is_gone_is_no_error
            a_login_belongs_to_its_user
            concurrent_logins_never_go_backwards
        }
        rights {
            a_right_stands_while_nothing_changes
            a_reset_ends_a_right
            a_disable_ends_a_right_for_good
            deleting_a_user_ends_its_right
            deleting_a_domain_ends_its_rights_for_good
            an_unverified_domain_is_barred
            a_suspended_account_is_barred
        }
        accepting {
            an_accepted_message_is_kept_whole
            bytes_are_kept_exactly
            the_envelope_comes_back_with_the_lease
            a_lease_is_granted_only_where_it_was_asked
            a_lease_is_not_granted_under_a_pause
            one_refusal_leaves_its_neighbours_alone
        }
        events {
            every_verb_appends_exactly_one_event
            events_are_read_by_cursor_in_one_order
            the_end_is_behind_the_newest_event
            a_cursor_behind_what_was_trimmed_is_gone
            trimming_takes_the_oldest_within_its_limit
            a_text_that_is_no_cursor_is_refused
            a_reader_beside_writers_misses_nothing
        }
        leases {
            a_messages_deliveries_to_a_destination_come_together
            a_delivery_has_one_holder
            concurrent_holders_share_nothing
            an_expired_lease_lets_another_in
            a_renewed_lease_lasts
            what_is_given_back_is_due_again
            the_oldest_due_comes_first
            what_waits_is_not_leased
            what_is_paused_is_not_leased
            leases_of_others_are_taken_back
            due_destinations_come_in_order_page_by_page
            next_due_is_when_to_look_again
        }
        settlements {
            recipients_settle_on_their_own
            settling_an_attempt_again_changes_nothing
            a_success_is_recorded_after_the_lease_was_lost
            a_failure_is_not_taken_from_a_lost_lease
            what_is_lost_does_not_spoil_the_rest
            a_deferral_keeps_its_time_and_its_count
            a_reason_stands_in_for_a_missing_reply
            a_hold_outlasts_a_deferral_alone
            bytes_go_with_the_last_open_delivery
        }
        notifications {
            a_notification_is_kept_with_what_it_tells
            a_settlement_repeated_notifies_nobody
            a_notification_that_is_not_true_is_not_kept
            a_delay_is_told_once
        }
        operations {
            hold_and_release_change_what_is_selected
            all_that_is_selected_is_changed_however_many
            cancel_ends_what_is_selected
            what_is_cancelled_stays_ended
            what_is_released_is_due_at_once
            a_retry_is_due_at_once
            a_hold_does_not_share_out_a_lease
            pauses_are_idempotent_and_independent
            damaged_bytes_are_told_and_set_aside
        }
        reading {
            each_filter_picks_its_own
            subjects_are_searched_whatever_their_case
            deliveries_come_newest_first_page_by_page
            pages_stay_in_place_while_messages_arrive
            the_summary_is_what_counting_gives
            a_delivery_knows_its_message
        }
        lasting {
            the_directory_survives_reopening
            the_queue_survives_reopening
            the_log_survives_reopening
            a_reset_survives_reopening
        }
        races {
            nothing_is_accepted_under_an_old_epoch
            a_rehash_never_undoes_a_reset
            a_name_and_a_username_are_added_once
            an_attempt_is_recorded_once
        }
        walks {
            a_random_walk_goes_as_in_the_reference
            another_random_walk_goes_as_in_the_reference
            a_third_random_walk_goes_as_in_the_reference
        }
    } };
}

macro_rules! table {
    ($($family:ident { $($law:ident)* })*) => {
        /// All laws.
        pub static LAWS: &[Law] = &[$($(Law {
            family: stringify!($family),
            name: stringify!($law),
            run: |room| Box::pin(super::$family::$law(room)),
        }),*),*];
    };
}

every_law! { table }

/// One law.
pub struct Law {
    /// Its family.
    pub family: &'static str,
    /// Its name, which says it.
    pub name: &'static str,
    run: fn(Room) -> Pin<Box<dyn Future<Output = Verdict> + Send>>,
}

impl Law {
    /// Asks this law of the store that a fixture opens. Panics of the store and a deadline passed count as failures.
    pub async fn ask(&self, fixture: Arc<dyn Fixture>) -> Result<(), Failure> {
        let run = self.run;
        let asked = tokio::spawn(async move { run(Room::enter(fixture).await).await });
        let aborter = asked.abort_handle();
        match tokio::time::timeout(DEADLINE, asked).await {
            Ok(Ok(verdict)) => verdict,
            Ok(Err(join)) => Err(Failure::new(format!("it panicked: {join}"))),
            Err(_) => {
                aborter.abort();
                Err(Failure::new(format!("it took more than {} s", DEADLINE.as_secs())))
            }
        }
    }
}

/// Asks one law, and panics when it is broken: the body of each test that [`exam!`](crate::exam!) makes.
///
/// # Panics
/// When the law is broken, or there is no such law.
pub fn sit(fixture: impl Fixture, family: &str, name: &str) {
    let law = LAWS.iter().find(|law| (law.family, law.name) == (family, name));
    let law = law.unwrap_or_else(|| panic!("there is no law {family}::{name}"));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.unwrap_or_else(|error| panic!("no runtime for the exam: {error}"));
    if let Err(failure) = runtime.block_on(law.ask(Arc::new(fixture))) {
        panic!("{family}::{name} is broken: {failure}");
    }
}
