//! Debian's Postfix as a receiving server.

use crate::{Certificate, Program, peers, ports, wait};
use rustix::process::geteuid;
use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpStream},
    os::unix::fs::{PermissionsExt as _, chown},
    path::Path,
    process::Command,
    time::Duration,
};
use tempfile::TempDir;

/// How long a start may take.
const START_LIMIT: Duration = Duration::from_secs(30);
/// Debian's place for Postfix's daemons.
const DAEMONS: &str = "/usr/lib/postfix/sbin";

/// A Postfix that takes mail for one domain and keeps it in a Maildir.
#[derive(Debug)]
pub struct Postfix {
    program: Program,
    address: SocketAddr,
    folder: TempDir,
}

impl Postfix {
    /// Starts one for `domain` under the name `host`; `None`, and a word on it, where it cannot be.
    pub fn start(suite: &str, host: &str, domain: &str) -> Option<Self> {
        if !peers::have(suite, &["postfix"]) || !peers::have_root(suite) {
            return None;
        }
        debug_assert!(geteuid().is_root());
        let folder = tempfile::Builder::new().prefix("outgate-postfix-").tempdir().expect("temporary folder");
        let root = folder.path();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, ports::free()));
        let certificate = Certificate::make(root, host);
        fs::set_permissions(root, fs::Permissions::from_mode(0o755)).expect("folder mode");
        for (name, user) in [("queue", 0), ("data", user_id("postfix")), ("mail", user_id("nobody"))] {
            fs::create_dir(root.join(name)).expect("a folder");
            chown(root.join(name), Some(user), None).expect("a folder's owner");
        }
        fs::create_dir(root.join("conf")).expect("a folder");
        fs::write(root.join("conf/main.cf"), main_cf(root, host, domain, &certificate)).expect("main.cf");
        fs::write(root.join("conf/master.cf"), master_cf(address)).expect("master.cf");
        // What `postfix -c DIR start` does, but with the master as our own child: it checks and makes folders first.
        let check = Command::new(peers::find("postfix")?)
            .arg("-c")
            .arg(root.join("conf"))
            .arg("check")
            .output()
            .ok()?;
        assert!(check.status.success(), "postfix check: {}", String::from_utf8_lossy(&check.stderr));
        let mut command = Command::new(Path::new(DAEMONS).join("master"));
        command.arg("-c").arg(root.join("conf")).arg("-s");
        let mut program = Program::start(&command, &root.join("postfix.out"));
        let up = wait::until(START_LIMIT, || {
            if !program.runs() {
                return Some(false);
            }
            TcpStream::connect(address).ok().map(|_| true)
        });
        assert_eq!(up, Some(true), "Postfix did not start:\n{}{}", program.output(), log(root));
        Some(Self { program, address, folder })
    }

    /// Where it takes mail.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        log(self.folder.path())
    }

    /// The messages in the Maildir, as they lie there.
    pub fn mail(&self) -> Vec<Vec<u8>> {
        let folder = self.folder.path().join("mail/box/new");
        let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
        entries.filter_map(|entry| fs::read(entry.ok()?.path()).ok()).collect()
    }

    /// Waits for the message that has `mark` in it.
    pub fn wait_for(&self, mark: &str, limit: Duration) -> Option<Vec<u8>> {
        let marked = |mail: &Vec<u8>| mail.windows(mark.len()).any(|window| window == mark.as_bytes());
        wait::until(limit, || self.mail().into_iter().find(marked))
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        // It ends its own children.
        self.program.signal(rustix::process::Signal::TERM);
        let _ = self.program.ended(Duration::from_secs(5));
    }
}

fn log(root: &Path) -> String {
    fs::read_to_string(root.join("postfix.log")).unwrap_or_default()
}

fn user_id(name: &str) -> u32 {
    let output = Command::new("id").args(["-u", name]).output().expect("running id");
    String::from_utf8_lossy(&output.stdout).trim().parse().unwrap_or_else(|_| panic!("no user {name}"))
}

fn main_cf(root: &Path, host: &str, domain: &str, certificate: &Certificate) -> String {
    let (path, nobody) = (root.display(), user_id("nobody"));
    format!(
        "compatibility_level = 3.6\n\
         queue_directory = {path}/queue\ndata_directory = {path}/data\n\
         command_directory = /usr/sbin\ndaemon_directory = {DAEMONS}\n\
         mail_owner = postfix\nsetgid_group = postdrop\n\
         maillog_file = {path}/postfix.log\nmaillog_file_prefixes = {path}\n\
         myhostname = {host}\nmydestination =\ninet_interfaces = 127.0.0.1\ninet_protocols = ipv4\n\
         smtp_host_lookup = native\nsmtpd_peername_lookup = no\nalias_maps =\nlocal_recipient_maps =\n\
         mynetworks =\nsmtpd_relay_restrictions = reject_unauth_destination\n\
         smtpd_forbid_bare_newline = reject\nsmtputf8_enable = yes\n\
         virtual_mailbox_domains = {domain}\nvirtual_mailbox_base = {path}/mail\n\
         virtual_mailbox_maps = static:box/\nvirtual_minimum_uid = 1\n\
         virtual_uid_maps = static:{nobody}\nvirtual_gid_maps = static:{nobody}\n\
         smtpd_tls_security_level = may\nsmtpd_tls_loglevel = 1\nsmtpd_tls_received_header = yes\n\
         smtpd_tls_cert_file = {chain}\nsmtpd_tls_key_file = {key}\n",
        chain = certificate.chain.display(),
        key = certificate.key.display(),
    )
}

fn master_cf(address: SocketAddr) -> String {
    format!(
        "{address} inet n - n - - smtpd\n\
         cleanup unix n - n - 0 cleanup\n\
         qmgr unix n - n 300 1 qmgr\n\
         rewrite unix - - n - - trivial-rewrite\n\
         bounce unix - - n - 0 bounce\n\
         defer unix - - n - 0 bounce\n\
         error unix - - n - - error\n\
         retry unix - - n - - error\n\
         virtual unix - n n - - virtual\n\
         anvil unix - - n - 1 anvil\n\
         tlsmgr unix - - n 1000? 1 tlsmgr\n\
         proxymap unix - - n - - proxymap\n\
         postlog unix-dgram n - n - 1 postlogd\n"
    )
}
