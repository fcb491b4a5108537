//! Two verifiers of DKIM signatures that are not ours: dkimpy and OpenDKIM. Both ask a given name server.

use crate::peers;
use serde_json::Value;
use std::{
    fs,
    io::Write as _,
    net::SocketAddr,
    path::Path,
    process::{Command, Stdio},
};

/// What dkimpy says of each signature of a message; `None`, and a word on it, where it is not installed.
pub fn dkimpy(suite: &str, dns: SocketAddr, message: &[u8]) -> Option<Vec<Value>> {
    let python = peers::python(suite, "dkim, dns.resolver, nacl")?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("relay/verifiers/dkimpy.py");
    let mut child = Command::new(python)
        .arg(script)
        .arg(dns.port().to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("running Python");
    child.stdin.take().expect("a pipe").write_all(message).expect("writing the message");
    let output = child.wait_with_output().expect("running Python");
    assert!(output.status.success(), "dkimpy failed");
    let lines = String::from_utf8(output.stdout).expect("UTF-8");
    Some(lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect())
}

/// Whether OpenDKIM finds the message's signature good, and its own words; `None` where it is not installed.
pub fn opendkim(suite: &str, dns: SocketAddr, message: &[u8]) -> Option<(bool, String)> {
    if !peers::have(suite, &["opendkim"]) {
        return None;
    }
    let folder = tempfile::Builder::new().prefix("outgate-opendkim-").tempdir().expect("temporary folder");
    let at = |name: &str| folder.path().join(name);
    let config = format!("Mode v\nResolverConfiguration {}\n", resolver(folder.path(), dns));
    fs::write(at("opendkim.conf"), config).expect("writing opendkim.conf");
    fs::write(at("message"), message).expect("writing the message");
    let output = Command::new(peers::find("opendkim")?)
        .arg("-x")
        .arg(at("opendkim.conf"))
        .args(["-vv", "-t"])
        .arg(at("message"))
        .output()
        .expect("running opendkim");
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    Some((output.status.success() && said.contains("verification (s=") && said.contains("succeeded"), said))
}

/// What `opendkim-testkey` says of a published key; `None` where it is not installed.
pub fn opendkim_testkey(
    suite: &str,
    dns: SocketAddr,
    domain: &str,
    selector: &str,
) -> Option<(bool, String)> {
    if !peers::have(suite, &["opendkim-testkey"]) {
        return None;
    }
    let folder = tempfile::Builder::new().prefix("outgate-opendkim-").tempdir().expect("temporary folder");
    let config = folder.path().join("opendkim.conf");
    let line = format!("ResolverConfiguration {}\n", resolver(folder.path(), dns));
    fs::write(&config, line).expect("writing opendkim.conf");
    let output = Command::new(peers::find("opendkim-testkey")?)
        .args(["-vvv", "-d", domain, "-s", selector, "-x"])
        .arg(&config)
        .output()
        .expect("running opendkim-testkey");
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    Some((output.status.success() && said.contains("key OK"), said))
}

/// OpenDKIM resolves through libunbound, whose configuration can name a port.
fn resolver(folder: &Path, dns: SocketAddr) -> String {
    let path = folder.join("unbound.conf");
    let text = format!(
        "server:\n  do-not-query-localhost: no\n  module-config: \"iterator\"\n  local-zone: \"test.\" nodefault\n\
         forward-zone:\n  name: \".\"\n  forward-addr: 127.0.0.1@{}\n",
        dns.port()
    );
    fs::write(&path, text).expect("writing unbound.conf");
    path.display().to_string()
}
