//! Who may reach everything: handlers of clients get their client's part, and nothing else.

use crate::Checked;
use crate::code::blanked;
use crate::tree::Tree;

/// Files of routes that take the whole state: file or folder, reason.
const OPEN: [(&str, &str); 9] = [
    ("src/api/routes/admin.rs", "for admins"),
    ("src/api/routes/admin/", "for admins"),
    ("src/api/routes/addons.rs", "the registry is the same for every client"),
    ("src/api/routes/updates.rs", "the registry is the same for every client"),
    ("src/api/routes/publish.rs", "a publisher's namespaces are checked by the service"),
    ("src/api/routes/yank.rs", "a publisher's namespaces are checked by the service"),
    ("src/api/routes/health.rs", "about the service"),
    ("src/api/routes/openapi.rs", "about the service"),
    ("src/api/routes/problems.rs", "about the service"),
];

/// What leads to records of every client.
const STATE: &str = "State<ApiState>";

/// A handler of clients takes a `Tenant`, and the list of those that do not names nothing that is not there.
pub(crate) fn tenants(tree: &Tree) -> Checked {
    let is_open =
        |path: &str| OPEN.iter().any(|(open, _)| path == *open || (open.ends_with('/') && path.starts_with(open)));
    let mut faults = Vec::new();
    for file in tree.rust("src/api/routes/").filter(|file| !is_open(&file.path)) {
        let code = blanked(&file.text);
        let lines = code.lines().enumerate().filter(|(_, line)| line.contains(STATE));
        faults.extend(lines.map(|(number, _)| {
            format!("{}:{}: take a `Tenant` (src/api/tenant.rs) in the place of the state", file.path, number + 1)
        }));
    }
    let gone = OPEN.iter().filter(|(open, _)| !open.ends_with('/') && !tree.has(open));
    faults.extend(gone.map(|(open, _)| format!("tests/tidy/doors.rs lists `{open}`, which is not there")));
    Ok(faults)
}
