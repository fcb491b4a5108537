-- Times are milliseconds since 1970, ids sixteen bytes, states the numbers of src/code.rs. What every table has in
-- `seq` is its row's own number; ids are what the world knows.

CREATE TABLE migrations (
    version  INTEGER PRIMARY KEY,
    name     TEXT    NOT NULL,
    checksum INTEGER NOT NULL
) STRICT;

CREATE TABLE accounts (
    seq   INTEGER PRIMARY KEY,
    id    BLOB    NOT NULL UNIQUE,
    name  TEXT    NOT NULL,
    state INTEGER NOT NULL
) STRICT;

INSERT INTO accounts (id, name, state) VALUES (x'00000000000070008000000000000001', 'default', 0);

-- A deleted domain keeps its row: history points at it. Added again, it is a new row.
CREATE TABLE domains (
    seq             INTEGER PRIMARY KEY,
    id              BLOB    NOT NULL UNIQUE,
    account         INTEGER NOT NULL REFERENCES accounts (seq),
    name            TEXT    NOT NULL,
    state           INTEGER NOT NULL,
    trusted         INTEGER NOT NULL,
    ownership_token TEXT    NOT NULL,
    users           INTEGER NOT NULL DEFAULT 0,
    created_at      INTEGER NOT NULL,
    deleted_at      INTEGER
) STRICT;

CREATE UNIQUE INDEX domains_living ON domains (name) WHERE deleted_at IS NULL;
CREATE INDEX domains_by_name ON domains (name);

CREATE TABLE domain_keys (
    seq                INTEGER PRIMARY KEY,
    id                 BLOB    NOT NULL UNIQUE,
    domain             INTEGER NOT NULL REFERENCES domains (seq),
    selector           TEXT    NOT NULL,
    algorithm          INTEGER NOT NULL,
    public_key         TEXT    NOT NULL,
    sealed_private_key BLOB    NOT NULL,
    stage              INTEGER NOT NULL,
    created_at         INTEGER NOT NULL
) STRICT;

CREATE INDEX domain_keys_by_domain ON domain_keys (domain);

-- Every username ever issued; nothing is ever taken from here.
CREATE TABLE usernames (
    username TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- A user lives while neither it nor its domain is deleted.
CREATE TABLE users (
    seq             INTEGER PRIMARY KEY,
    id              BLOB    NOT NULL UNIQUE,
    domain          INTEGER NOT NULL REFERENCES domains (seq),
    username        TEXT    NOT NULL UNIQUE REFERENCES usernames (username),
    name            TEXT    NOT NULL,
    hash            TEXT    NOT NULL,
    state           INTEGER NOT NULL,
    epoch           INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    last_connection TEXT,
    deleted_at      INTEGER
) STRICT;

CREATE INDEX users_by_domain ON users (domain, username) WHERE deleted_at IS NULL;

CREATE TABLE messages (
    seq            INTEGER PRIMARY KEY,
    id             BLOB    NOT NULL UNIQUE,
    domain         INTEGER NOT NULL REFERENCES domains (seq),
    domain_name    TEXT    NOT NULL,
    user           INTEGER NOT NULL REFERENCES users (seq),
    accepted_at    INTEGER NOT NULL,
    sender         TEXT    NOT NULL,
    body           INTEGER NOT NULL,
    smtputf8       INTEGER NOT NULL,
    return_content INTEGER,
    envelope_id    TEXT,
    subject        TEXT,
    size           INTEGER NOT NULL
) STRICT;

CREATE INDEX messages_by_time ON messages (accepted_at);
CREATE INDEX messages_by_domain ON messages (domain_name, accepted_at);
CREATE INDEX messages_by_user ON messages (user, accepted_at);

-- Apart from the messages, so that pages of rows are not pages of mail, and gone when the last delivery ends.
CREATE TABLE content (
    message  INTEGER PRIMARY KEY REFERENCES messages (seq),
    checksum INTEGER NOT NULL,
    bytes    BLOB    NOT NULL
) STRICT;

-- `next_at`: when it is to be tried. `due_at`: the same, or the end of the lease while there is one, so that one index
-- tells what may be taken. Status 0 and 1 wait for a try, 2 is set aside, the rest are ends.
CREATE TABLE deliveries (
    message      INTEGER NOT NULL REFERENCES messages (seq),
    position     INTEGER NOT NULL,
    id           BLOB    NOT NULL,
    domain       INTEGER NOT NULL,
    accepted_at  INTEGER NOT NULL,
    recipient    TEXT    NOT NULL,
    notify       INTEGER,
    original     TEXT,
    destination  TEXT    NOT NULL,
    status       INTEGER NOT NULL,
    attempts     INTEGER NOT NULL,
    reply        TEXT,
    delay_told   INTEGER NOT NULL DEFAULT 0,
    next_at      INTEGER NOT NULL,
    due_at       INTEGER NOT NULL,
    lease_holder TEXT,
    lease_until  INTEGER,
    PRIMARY KEY (message, position)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX deliveries_by_id ON deliveries (id);
CREATE INDEX deliveries_by_destination ON deliveries (destination, due_at, domain) WHERE status <= 1;
CREATE INDEX deliveries_by_due ON deliveries (due_at, destination, domain) WHERE status <= 1;
CREATE INDEX deliveries_open ON deliveries (accepted_at DESC, message DESC, position, domain) WHERE status <= 2;

CREATE TABLE attempts (
    message  INTEGER NOT NULL,
    position INTEGER NOT NULL,
    number   INTEGER NOT NULL,
    id       BLOB    NOT NULL,
    body     TEXT    NOT NULL,
    PRIMARY KEY (message, position, number)
) STRICT, WITHOUT ROWID;

-- How many deliveries are pending, deferred and held.
CREATE TABLE tallies (
    status     INTEGER PRIMARY KEY,
    deliveries INTEGER NOT NULL
) STRICT;

INSERT INTO tallies (status, deliveries) VALUES (0, 0), (1, 0), (2, 0);

CREATE TABLE pauses (
    scope  INTEGER NOT NULL,
    covers TEXT    NOT NULL,
    PRIMARY KEY (scope, covers)
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
    seq  INTEGER PRIMARY KEY AUTOINCREMENT,
    at   INTEGER NOT NULL,
    body TEXT    NOT NULL
) STRICT;

-- Up to and with this event the log was trimmed.
CREATE TABLE log_floor (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    seq  INTEGER NOT NULL
) STRICT;

INSERT INTO log_floor (only, seq) VALUES (1, 0);
