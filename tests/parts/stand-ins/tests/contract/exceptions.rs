//! Exchanges that needn't hold, each with its reason. One that begins to hold must leave the list.

/// Folder, exchange, why.
pub const EXCEPTIONS: &[(&str, &str, &str)] = &[
    ("db-postgres", "146-timers", "what runs inside of nginx; nobody asks the stand-in for it"),
    (
        "db-postgres",
        "147-endpoints",
        "the list of all paths, those of plugins' own APIs too; nobody asks for it",
    ),
    (
        "db-postgres-3",
        "278-target-patch-null-weight",
        "a slip of Kong's: it looks for the target anew and finds itself",
    ),
];
