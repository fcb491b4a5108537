//! `outgate backup`

use crate::desk::Desk;
use std::os::unix::fs::PermissionsExt;

#[test]
fn a_backup_is_a_store() {
    let desk = Desk::with_domain();
    let user = desk.user();
    std::fs::create_dir(desk.file("restored")).unwrap();
    let copy = desk.file("restored/outgate.db");
    let made = desk.json(&format!("backup {}", copy.display()));
    assert_eq!(made["bytes"], std::fs::metadata(&copy).unwrap().len());
    assert_eq!(std::fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    let listed = desk.json(&format!("user list --data {}", desk.file("restored").display()));
    assert_eq!(listed[0]["username"], user["username"]);

    desk.refused(&format!("backup {}", copy.display()), 4);
    let said = desk.done(&format!("backup {}", desk.file("other.db").display()));
    assert!(said.contains("master.key"), "{said}");
}
