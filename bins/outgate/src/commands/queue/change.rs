//! `outgate queue hold | release | retry | cancel`

use super::{Invocation, OPEN, pages};
use crate::{
    args::{Change, QueueId, Which},
    exit::CommandError,
    output::{Question, confirm, counted, printable, view::Changed},
};
use outgate_core::{
    domains,
    store::{DeliveryFilter, Selector},
    users,
};
use outgate_relay::Admin;

/// So many deliveries are counted before a question; more are "more than".
const COUNTED: usize = 10_000;

/// What an operator does to deliveries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Hold,
    Release,
    Retry,
    Cancel,
}

impl Action {
    fn word(self) -> &'static str {
        match self {
            Self::Hold => "hold",
            Self::Release => "release",
            Self::Retry => "retry",
            Self::Cancel => "cancel",
        }
    }

    fn sentence(self, count: u64) -> String {
        let deliveries = counted(count, "delivery");
        match self {
            Self::Hold => format!("{deliveries} held. `outgate queue release` lets them go on."),
            Self::Release => format!("{deliveries} released, and due now."),
            Self::Retry => format!("{deliveries} made due now."),
            Self::Cancel => format!("{deliveries} cancelled."),
        }
    }
}

/// Deliveries as the operator named them: for the store, for counting, and in words.
struct Target {
    selector: Selector,
    /// `None` when named by the id of one message or delivery, which needs no question.
    filter: Option<DeliveryFilter>,
    words: String,
}

pub(super) async fn run(
    invocation: &Invocation,
    admin: &Admin,
    action: Action,
    change: &Change,
) -> Result<(), CommandError> {
    let target = target(admin, &change.which).await?;
    if action == Action::Cancel {
        ask(admin, &target, change).await?;
    }
    let (store, actor, at) = (admin.store(), admin.actor(), admin.clock().now());
    let count = match action {
        Action::Hold => store.hold(&target.selector, actor, at).await?,
        Action::Release => store.release(&target.selector, actor, at).await?,
        Action::Retry => store.retry(&target.selector, actor, at).await?,
        Action::Cancel => store.cancel(&target.selector, actor, at).await?,
    };
    invocation.output.tell(&Changed { action: action.word(), count }, || match count {
        0 => format!("There was nothing to {} of {}.", action.word(), target.words),
        _ => action.sentence(count),
    })?;
    Ok(())
}

/// Cancelling in bulk asks.
async fn ask(admin: &Admin, target: &Target, change: &Change) -> Result<(), CommandError> {
    if change.yes || change.which.id.is_some() {
        return Ok(());
    }
    let how_many = match &target.filter {
        None => "every delivery that is still open".to_owned(),
        Some(filter) => {
            let read = pages::deliveries(admin.store(), filter, Some(COUNTED), |_| Ok(())).await?;
            let more = if read.more { "more than " } else { "" };
            format!("{more}{}", counted(read.count as u64, "delivery"))
        }
    };
    confirm(
        false,
        &Question {
            command: "queue cancel",
            consequence: format!("This ends {how_many} of {} without sending.", target.words),
            answer: "yes",
        },
    )
}

async fn target(admin: &Admin, which: &Which) -> Result<Target, CommandError> {
    let open = DeliveryFilter { statuses: OPEN.to_vec(), ..DeliveryFilter::default() };
    if let Some(id) = which.id {
        return one(admin, id).await;
    }
    if let Some(message) = which.message {
        if admin.store().message(message).await?.is_none() {
            return Err(CommandError::NotInQueue(message.to_string()));
        }
        let words = format!("message {message}");
        return Ok(Target { selector: Selector::Message(message), filter: None, words });
    }
    if let Some(username) = &which.user {
        let user = users::show(admin.store(), username).await?;
        let filter = DeliveryFilter { user: Some(username.clone()), ..open };
        let words = format!("SMTP user {username}");
        return Ok(Target { selector: Selector::User(user.id), filter: Some(filter), words });
    }
    if let Some(name) = &which.domain {
        let domain = domains::show(admin.store(), name).await?;
        let filter = DeliveryFilter { domain: Some(name.clone()), ..open };
        let words = format!("domain {name}");
        return Ok(Target { selector: Selector::Domain(domain.id), filter: Some(filter), words });
    }
    let destination = which.destination.clone().ok_or_else(|| {
        CommandError::Usage("name an ID, or --message, --user, --domain or --destination".to_owned())
    })?;
    let filter = DeliveryFilter { destination: Some(destination.clone()), ..open };
    let words = format!("destination {}", printable(destination.as_str()));
    Ok(Target { selector: Selector::Destination(destination), filter: Some(filter), words })
}

/// A message or a delivery by its id.
async fn one(admin: &Admin, id: QueueId) -> Result<Target, CommandError> {
    let selector = if admin.store().message(id.message).await?.is_some() {
        Selector::Message(id.message)
    } else if admin.store().message_of(id.delivery).await?.is_some() {
        Selector::Delivery(id.delivery)
    } else {
        return Err(CommandError::NotInQueue(id.to_string()));
    };
    Ok(Target { selector, filter: None, words: id.to_string() })
}
