//! The exam of the exam: stores that lose, repeat, reorder or lie on purpose fail the law that they break.

mod directory;
mod liar;
mod log;
mod queue;

use liar::{Lie, LyingFixture};
use outgate_store_conformance::exam::{LAWS, Law};
use std::sync::Arc;

/// Each lie and a law that must catch it.
const CAUGHT: &[(Lie, &str, &str)] = &[
    (Lie::HasNoAccount, "domains", "the_default_account_is_always_there"),
    (Lie::FindsSubdomains, "domains", "an_added_domain_is_found_by_its_exact_name"),
    (Lie::AddsDomainsTwice, "domains", "a_living_name_is_added_once"),
    (Lie::AddsDomainsTwice, "races", "a_name_and_a_username_are_added_once"),
    (Lie::ShufflesKeys, "domains", "keys_are_kept_in_order_of_making"),
    (Lie::MiscountsUsers, "domains", "living_users_are_counted"),
    (Lie::IgnoresTheUnknown, "domains", "unknown_domains_are_told"),
    (Lie::IgnoresTheUnknown, "users", "unknown_users_are_told"),
    (Lie::DestroysKeysEarly, "domains", "keys_outlive_their_domain_while_its_mail_is_queued"),
    (Lie::ForgetsDeletedDomains, "domains", "history_outlives_its_domain"),
    (Lie::AddsUsersDisabled, "users", "an_added_user_starts_active_at_epoch_one"),
    (Lie::IssuesUsernamesTwice, "users", "a_username_is_issued_once"),
    (Lie::ListsUsersUnordered, "users", "users_come_in_order_of_username_page_by_page"),
    (Lie::ResetsOnRename, "users", "a_rename_changes_the_name_alone"),
    (Lie::ResetsOnRename, "rights", "a_right_stands_while_nothing_changes"),
    (Lie::TellsOfNoChange, "users", "a_state_already_there_is_no_change"),
    (Lie::TellsOfTheGone, "logins", "a_login_of_a_user_who_is_gone_is_no_error"),
    (Lie::NotesLoginsForOthers, "logins", "a_login_belongs_to_its_user"),
    (Lie::ForgetsTombstones, "users", "a_deleted_users_username_never_returns"),
    (Lie::ForgetsTombstones, "users", "a_deleted_domains_usernames_never_return"),
    (Lie::CachesCredentials, "users", "a_credential_is_never_stale"),
    (Lie::CachesCredentials, "rights", "a_reset_ends_a_right"),
    (Lie::CachesStandings, "rights", "a_reset_ends_a_right"),
    (Lie::CachesStandings, "rights", "an_unverified_domain_is_barred"),
    (Lie::KeepsTheEpochOnReset, "users", "reset_and_disable_raise_the_epoch_and_enable_does_not"),
    (Lie::KeepsTheEpochOnReset, "races", "nothing_is_accepted_under_an_old_epoch"),
    (Lie::RehashesAnything, "users", "a_rehash_needs_the_old_hash_and_epoch"),
    (Lie::NotesLoginsBackwards, "logins", "the_newest_login_wins"),
    (Lie::ListsDomainsUnordered, "domains", "domains_come_in_order_of_name_page_by_page"),
    (Lie::GivesOldKeysToNewDomains, "domains", "a_deleted_name_comes_back_as_a_new_domain"),
    (Lie::DropsARecipient, "accepting", "an_accepted_message_is_kept_whole"),
    (Lie::AcceptsStaleRights, "rights", "deleting_a_user_ends_its_right"),
    (Lie::AcceptsStaleRights, "races", "nothing_is_accepted_under_an_old_epoch"),
    (Lie::LeavesTracesOfRefusals, "rights", "a_suspended_account_is_barred"),
    (Lie::GrantsLeasesUnderPause, "accepting", "a_lease_is_not_granted_under_a_pause"),
    (Lie::LeasesTwice, "leases", "a_delivery_has_one_holder"),
    (Lie::LeasesTwice, "leases", "concurrent_holders_share_nothing"),
    (Lie::LeasesThroughPauses, "leases", "what_is_paused_is_not_leased"),
    (Lie::SplitsMessages, "leases", "a_messages_deliveries_to_a_destination_come_together"),
    (Lie::LeasesNewestFirst, "leases", "the_oldest_due_comes_first"),
    (Lie::ListsDestinationsUnordered, "leases", "due_destinations_come_in_order_page_by_page"),
    (Lie::KeepsWhatIsGivenBack, "leases", "what_is_given_back_is_due_again"),
    (Lie::RenewsForAnybody, "leases", "an_expired_lease_lets_another_in"),
    (Lie::SleepsTooLong, "leases", "next_due_is_when_to_look_again"),
    (Lie::CorruptsBytes, "accepting", "bytes_are_kept_exactly"),
    (Lie::HidesDamage, "operations", "damaged_bytes_are_told_and_set_aside"),
    (Lie::KeepsBytesForever, "settlements", "bytes_go_with_the_last_open_delivery"),
    (Lie::SettlesAgain, "settlements", "settling_an_attempt_again_changes_nothing"),
    (Lie::SettlesAllAlike, "settlements", "recipients_settle_on_their_own"),
    (Lie::AnswersAllAlike, "settlements", "what_is_lost_does_not_spoil_the_rest"),
    (Lie::LosesLateSuccesses, "settlements", "a_success_is_recorded_after_the_lease_was_lost"),
    (Lie::TakesLateFailures, "settlements", "a_failure_is_not_taken_from_a_lost_lease"),
    (Lie::ClaimsToRecord, "operations", "what_is_cancelled_stays_ended"),
    (Lie::HidesReasons, "settlements", "a_reason_stands_in_for_a_missing_reply"),
    (Lie::ReleasesOnDeferral, "settlements", "a_hold_outlasts_a_deferral_alone"),
    (Lie::ForgetsNotifications, "notifications", "a_notification_is_kept_with_what_it_tells"),
    (Lie::NotifiesAgain, "notifications", "a_settlement_repeated_notifies_nobody"),
    (Lie::KeepsFalseNotifications, "notifications", "a_notification_that_is_not_true_is_not_kept"),
    (Lie::ForgetsToldDelays, "notifications", "a_delay_is_told_once"),
    (Lie::ForgetsTheNextAttempt, "settlements", "a_deferral_keeps_its_time_and_its_count"),
    (Lie::HoldsMoreThanMeant, "operations", "hold_and_release_change_what_is_selected"),
    (Lie::CachesTheSummary, "reading", "the_summary_is_what_counting_gives"),
    (Lie::CachesTheSummary, "walks", "a_random_walk_goes_as_in_the_reference"),
    (Lie::PagesByOffset, "reading", "pages_stay_in_place_while_messages_arrive"),
    (Lie::MindsCaseInSubjects, "reading", "subjects_are_searched_whatever_their_case"),
    (Lie::IgnoresTheSender, "reading", "each_filter_picks_its_own"),
    (Lie::HidesResets, "events", "every_verb_appends_exactly_one_event"),
    (Lie::EndsTooEarly, "events", "the_end_is_behind_the_newest_event"),
    (Lie::SkipsEvents, "events", "events_are_read_by_cursor_in_one_order"),
    (Lie::RepeatsEvents, "events", "events_are_read_by_cursor_in_one_order"),
    (Lie::ReordersEvents, "events", "events_are_read_by_cursor_in_one_order"),
    (Lie::StartsOverWhenGone, "events", "a_cursor_behind_what_was_trimmed_is_gone"),
    (Lie::ReadsAnyCursor, "events", "a_text_that_is_no_cursor_is_refused"),
    (Lie::ForgetsEverything, "lasting", "the_directory_survives_reopening"),
    (Lie::ForgetsEverything, "lasting", "the_log_survives_reopening"),
    (Lie::ForgetsPauses, "lasting", "the_queue_survives_reopening"),
    (Lie::ForgetsLeases, "lasting", "the_queue_survives_reopening"),
];

fn law(family: &str, name: &str) -> &'static Law {
    let found = LAWS.iter().find(|law| (law.family, law.name) == (family, name));
    found.unwrap_or_else(|| panic!("there is no law {family}::{name}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_lie_is_caught_by_its_law() {
    let mut uncaught = Vec::new();
    for (lie, family, name) in CAUGHT {
        match law(family, name).ask(Arc::new(LyingFixture::new(*lie))).await {
            Ok(()) => uncaught.push(format!("{lie:?} passed {family}::{name}")),
            Err(failure) => println!("{lie:?} in {family}::{name}: {failure}"),
        }
    }
    assert!(uncaught.is_empty(), "{uncaught:#?}");
}

/// What the liars fail is their lies alone: without one, the same wrapper passes everything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrapper_that_tells_the_truth_passes() {
    for law in LAWS {
        let verdict = law.ask(Arc::new(LyingFixture::new(Lie::None))).await;
        assert!(verdict.is_ok(), "{}::{}: {verdict:?}", law.family, law.name);
    }
}

/// No law is idle: each is broken by one of the liars at least.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_law_catches_a_lie() {
    let mut never = Vec::new();
    for law in LAWS {
        let mut caught = false;
        for lie in Lie::ALL {
            caught = caught || law.ask(Arc::new(LyingFixture::new(*lie))).await.is_err();
        }
        if !caught {
            never.push(format!("{}::{}", law.family, law.name));
        }
    }
    assert!(never.is_empty(), "{never:#?}");
}
