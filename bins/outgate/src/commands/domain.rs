//! `outgate domain …`

mod check;
mod records;

use super::Invocation;
use crate::{
    args::DomainCommand,
    exit::{CommandError, Status},
    output::{
        Endpoint, PasswordFile, Question, Revealed, confirm, counted, credentials, facts, moment, prose,
        table,
        view::{AddedDomain, Credentials, ShownDomain, UserFacts},
    },
};
use outgate_core::{
    AccountId, Domain, DomainName, DomainState, UserName,
    domains::{self, AddDomain},
    users::{self, AddUser},
};
use outgate_relay::Opening;
use std::path::Path;

pub(crate) async fn run(invocation: &Invocation, command: DomainCommand) -> Result<Status, CommandError> {
    match command {
        DomainCommand::Add { name, trusted, with_user, password_file } => {
            add(invocation, name, trusted, with_user, password_file.as_deref()).await?;
        }
        DomainCommand::List => list(invocation).await?,
        DomainCommand::Show { name } => show(invocation, &name).await?,
        DomainCommand::Records { name } => records::run(invocation, &name).await?,
        DomainCommand::Check { name } => return check::run(invocation, &name).await,
        DomainCommand::Delete { name, yes } => delete(invocation, &name, yes).await?,
    }
    Ok(Status::Done)
}

async fn add(
    invocation: &Invocation,
    name: DomainName,
    trusted: bool,
    with_user: Option<UserName>,
    password_file: Option<&Path>,
) -> Result<(), CommandError> {
    let admin = invocation.open(Opening::Create).await?;
    let file = password_file.map(PasswordFile::create).transpose()?;
    let request = AddDomain { account: AccountId::DEFAULT, name: name.clone(), trusted };
    let domain = domains::add(admin.ports(), &admin.key_maker().await?, admin.actor(), request).await?;
    let Some(label) = with_user else {
        let document = AddedDomain { domain: ShownDomain::of(&domain), user: None };
        invocation.output.tell(&document, || format!("{}\n{}", added(&domain), next_user(&domain)))?;
        return Ok(());
    };
    let request = AddUser { domain: name.clone(), name: label.clone(), username: None };
    let issued = users::add(admin.ports(), admin.actor(), request).await.map_err(|error| {
        CommandError::Failed(format!(
            "the domain {name} was added, but not its SMTP user: {error}; run `outgate user add {name} --name {label:?}`",
            label = label.as_str(),
        ))
    })?;
    let password = super::user::reveal(issued.password)?;
    let written = file.map(|file| file.write(&issued.user.username, &password)).transpose()?;
    let revealed = written.as_deref().map_or(Revealed::Here(&password), Revealed::InFile);
    let smtp = Endpoint::of(admin.config());
    let facts = UserFacts::of(&issued.user, &smtp);
    let domain = Domain { users: 1, ..domain };
    let document = AddedDomain {
        domain: ShownDomain::of(&domain),
        user: Some(Credentials { facts, password: revealed.here() }),
    };
    invocation.output.tell(&document, || {
        format!("{}\n\n{}", added(&domain), credentials(&issued.user, &smtp, revealed))
    })?;
    Ok(())
}

fn added(domain: &Domain) -> String {
    let name = &domain.name;
    let next = if domain.trusted {
        format!(
            "It is trusted: it may send at once. Receivers check its signature by the DNS records that \
             `outgate domain records {name}` prints; publish them soon."
        )
    } else {
        format!(
            "It may send once its DNS records are there: `outgate domain records {name}` prints them, and \
             `outgate domain check {name}` looks whether they are right."
        )
    };
    format!("Domain {name} added.\n{}", prose(&next))
}

fn next_user(domain: &Domain) -> String {
    format!("Make its first SMTP user with `outgate user add {} --name LABEL`.", domain.name)
}

async fn list(invocation: &Invocation) -> Result<(), CommandError> {
    let admin = invocation.open(Opening::Existing).await?;
    let all = domains::list(admin.store()).await?;
    let document: Vec<ShownDomain<'_>> = all.iter().map(ShownDomain::of).collect();
    invocation.output.tell(&document, || {
        if all.is_empty() {
            return "There are no domains yet. Add one with `outgate domain add NAME`.".to_owned();
        }
        let rows = all.iter().map(|domain| {
            vec![readable(&domain.name), state(domain), domain.users.to_string(), moment(domain.created_at)]
        });
        table(&["domain", "state", "users", "added"], rows)
    })?;
    Ok(())
}

async fn show(invocation: &Invocation, name: &DomainName) -> Result<(), CommandError> {
    let admin = invocation.open(Opening::Existing).await?;
    let domain = domains::show(admin.store(), name).await?;
    invocation.output.tell(&ShownDomain::of(&domain), || {
        let rows = [
            ("Domain", readable(&domain.name)),
            ("State", state(&domain)),
            ("May send", may_send(&domain)),
            ("SMTP users", domain.users.to_string()),
            ("Added", moment(domain.created_at)),
            ("Id", domain.id.to_string()),
        ];
        facts(&rows)
    })?;
    Ok(())
}

async fn delete(invocation: &Invocation, name: &DomainName, yes: bool) -> Result<(), CommandError> {
    let admin = invocation.open(Opening::Existing).await?;
    let domain = domains::show(admin.store(), name).await?;
    confirm(
        yes,
        &Question {
            command: "domain delete",
            consequence: format!(
                "This deletes {name}, its DKIM keys and {} for good: passwords stop working at once, and usernames \
                 are never issued again. The history stays, and mail that was already accepted is still delivered.",
                counted(domain.users, "SMTP user"),
            ),
            answer: name.as_str(),
        },
    )?;
    let deleted = domains::delete(admin.ports(), admin.actor(), name).await?;
    let gone = Domain { users: deleted.users, ..deleted.domain };
    invocation.output.tell(&ShownDomain::of(&gone), || {
        prose(&format!(
            "Domain {name} deleted, and {} with it. You may take its records out of DNS once no mail of it is \
             queued: `outgate queue list --domain {name}`",
            counted(gone.users, "SMTP user"),
        ))
    })?;
    Ok(())
}

/// The name, and how people read it where that differs.
fn readable(name: &DomainName) -> String {
    let unicode = name.to_unicode();
    if unicode == name.as_str() { unicode } else { format!("{name} ({unicode})") }
}

fn state(domain: &Domain) -> String {
    let trusted = if domain.trusted { ", trusted" } else { "" };
    format!("{}{trusted}", domain.state.as_str())
}

fn may_send(domain: &Domain) -> String {
    match (domain.may_send(), domain.state) {
        (Err(bar), _) => format!("no: {bar}; see `outgate domain check {}`", domain.name),
        (Ok(()), DomainState::Failing) => {
            format!("yes, but its DNS records are wrong; see `outgate domain check {}`", domain.name)
        }
        (Ok(()), DomainState::Pending) => "yes: you vouched for it (trusted)".to_owned(),
        (Ok(()), DomainState::Verified) => "yes".to_owned(),
    }
}
