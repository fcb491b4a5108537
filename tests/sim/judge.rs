//! What is asked of a world at its end: was every promise kept?

use crate::world::{Submitted, World};
use outgate_core::{
    DeliveryStatus, EmailAddress,
    store::{DeliveryFilter, Queue},
};
use std::collections::BTreeMap;

impl World {
    /// Fails unless every promise was kept.
    pub(crate) async fn judge(&mut self) {
        let received = self.mx.received.lock().unwrap().clone();
        let statuses = self.statuses().await;
        for (mark, Submitted { recipients, .. }) in &self.accepted {
            for recipient in recipients {
                let times = received.get(&(mark.clone(), recipient.clone())).copied().unwrap_or(0);
                let status = statuses.get(&(mark.clone(), recipient.clone())).copied();
                match status {
                    Some(DeliveryStatus::Delivered) => {
                        assert!(
                            times > 0,
                            "law 7: {mark} to {recipient} is called delivered and never arrived"
                        );
                        self.tally.delivered += 1;
                    }
                    Some(DeliveryStatus::HardBounced | DeliveryStatus::SoftBounced) => {
                        assert_eq!(
                            recipient.local(),
                            "nobody",
                            "law 9: {mark} to {recipient} ended too soon"
                        );
                        self.tally.bounced += 1;
                    }
                    other => panic!("law 7: {mark} to {recipient} is {other:?}"),
                }
                self.tally.duplicates += times.saturating_sub(1);
            }
        }
        for (mark, recipient) in received.keys() {
            let known =
                self.accepted.get(mark).is_some_and(|submitted| submitted.recipients.contains(recipient));
            assert!(known, "a phantom: {mark} reached {recipient} and was never accepted for it");
        }
        self.judge_notices(&statuses);
        // An answer that got lost; and at a crash two parcels for each of five destinations, with four recipients at most.
        // Neither a stall beyond the lease nor a store that fails to record is an excuse.
        let excuses = self.tally.lost_answers + 2 * 5 * 4 * self.tally.crashes;
        assert!(self.tally.duplicates <= excuses, "{} duplicates without an excuse", self.tally.duplicates);
    }

    /// Every failure is told to its sender in exactly one notification, unless the sender has no address or asked for
    /// silence; so is every success that was asked for; of a delay at most one tells.
    fn judge_notices(&mut self, statuses: &BTreeMap<(String, EmailAddress), DeliveryStatus>) {
        let told = self.mx.told.lock().unwrap().clone();
        for (mark, Submitted { sender, notify, recipients }) in &self.accepted {
            for recipient in recipients {
                let status = statuses.get(&(mark.clone(), recipient.clone())).copied();
                let of = |action: &str| told.get(&(mark.clone(), recipient.clone(), action.to_owned()));
                let count = |action| of(action).map_or(0, BTreeMap::len);
                let failed = status != Some(DeliveryStatus::Delivered);
                let about = format!("{mark} from <{sender}> to {recipient}, {status:?}, NOTIFY {notify:?}");
                let silent = sender.is_empty() || *notify == "NEVER";
                assert_eq!(count("failed"), usize::from(failed && !silent), "failure notices of {about}");
                let asked = *notify == "SUCCESS,FAILURE" && !silent;
                assert_eq!(count("relayed"), usize::from(!failed && asked), "success notices of {about}");
                assert!(
                    count("delayed") <= usize::from(!silent && notify.is_empty()),
                    "delay notices of {about}"
                );
                self.tally.failure_notices += count("failed") as u64;
                self.tally.relay_notices += count("relayed") as u64;
                self.tally.delay_notices += count("delayed") as u64;
                for action in ["failed", "relayed", "delayed"] {
                    for (arrived, to) in of(action).into_iter().flat_map(BTreeMap::values) {
                        assert_eq!(to.to_string(), *sender, "{action} of {about} is told to nobody else");
                        let nobody = sender.starts_with("nobody@");
                        assert_eq!(*arrived == 0, nobody, "{action} of {about} arrived {arrived} times");
                        self.tally.undeliverable_notices += u64::from(nobody);
                        self.tally.duplicates += arrived.saturating_sub(1);
                    }
                }
            }
        }
        let known = |mark: &str| self.accepted.contains_key(mark);
        assert!(told.keys().all(|(mark, ..)| known(mark)), "a notice of something that was never accepted");
    }

    async fn statuses(&self) -> BTreeMap<(String, EmailAddress), DeliveryStatus> {
        let mut statuses = BTreeMap::new();
        let mut after = None;
        loop {
            let page =
                self.store.deliveries(&DeliveryFilter::default(), after.as_ref(), 100).await.expect("a page");
            for row in page.rows {
                statuses.insert((row.subject.expect("a mark"), row.recipient), row.status);
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return statuses,
            }
        }
    }
}
