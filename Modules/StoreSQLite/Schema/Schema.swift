import SQLite

/// The tables of the store, as the migrations make them.
enum Schema {
    /// Text is in `body` alone, sealed, and stands last, so that going through rows does not read it.
    ///
    /// `key` is the number of the key it was sealed with. Each index costs every turn something: what is looked for only
    /// now and then, such as what is old, is found by going through an index there is. An answer's `key_print` tells by
    /// which idempotency key its turn was begun, so that the key can be found from the conversation.
    static let first: SQL = """
        CREATE TABLE meta(name TEXT PRIMARY KEY NOT NULL, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

        CREATE TABLE account(
            place INTEGER PRIMARY KEY,
            id TEXT NOT NULL UNIQUE,
            email_print BLOB NOT NULL UNIQUE,
            created_at INTEGER NOT NULL,
            key INTEGER NOT NULL,
            body BLOB NOT NULL) STRICT;
        CREATE INDEX account_key ON account(key);

        CREATE TABLE onboarding(
            place INTEGER PRIMARY KEY,
            id TEXT NOT NULL UNIQUE,
            is_complete INTEGER NOT NULL,
            version INTEGER NOT NULL,
            updated_at INTEGER NOT NULL,
            key INTEGER NOT NULL,
            body BLOB NOT NULL) STRICT;
        CREATE INDEX onboarding_key ON onboarding(key);

        CREATE TABLE conversation(
            place INTEGER PRIMARY KEY,
            id TEXT NOT NULL UNIQUE,
            owner TEXT NOT NULL,
            kind TEXT NOT NULL,
            is_named INTEGER NOT NULL,
            messages INTEGER NOT NULL DEFAULT 0,
            created_at INTEGER NOT NULL,
            updated_at INTEGER NOT NULL,
            key INTEGER NOT NULL,
            body BLOB NOT NULL) STRICT;
        CREATE INDEX conversation_list ON conversation(owner, updated_at, id);
        CREATE INDEX conversation_key ON conversation(key);

        CREATE TABLE message(
            place INTEGER PRIMARY KEY,
            id TEXT NOT NULL UNIQUE,
            conversation TEXT NOT NULL REFERENCES conversation(id),
            owner TEXT NOT NULL,
            sequence INTEGER NOT NULL,
            role TEXT NOT NULL,
            state TEXT NOT NULL,
            outcome TEXT,
            stream TEXT UNIQUE,
            last_offset INTEGER,
            version INTEGER NOT NULL,
            reply_to TEXT,
            retry_of TEXT,
            node TEXT,
            key_print BLOB,
            created_at INTEGER NOT NULL,
            text_bytes INTEGER NOT NULL,
            figures TEXT,
            key INTEGER NOT NULL,
            body BLOB NOT NULL) STRICT;
        CREATE UNIQUE INDEX message_sequence ON message(conversation, sequence);
        CREATE INDEX message_answers ON message(reply_to, sequence) WHERE reply_to IS NOT NULL;
        CREATE INDEX message_open ON message(created_at) WHERE state = 'streaming' AND role = 'assistant';
        CREATE INDEX message_used ON message(owner, created_at, place) WHERE state = 'final' AND role = 'assistant';
        CREATE INDEX message_key ON message(key);

        CREATE TABLE idempotency_key(
            owner TEXT NOT NULL,
            key_print BLOB NOT NULL,
            subject_print BLOB NOT NULL,
            conversation TEXT NOT NULL,
            user_message TEXT NOT NULL,
            assistant_message TEXT NOT NULL,
            stream TEXT NOT NULL,
            ends_at INTEGER NOT NULL,
            PRIMARY KEY(owner, key_print)) STRICT, WITHOUT ROWID;

        CREATE TABLE case_file(
            place INTEGER PRIMARY KEY,
            id TEXT NOT NULL UNIQUE,
            owner TEXT NOT NULL,
            status TEXT NOT NULL,
            version INTEGER NOT NULL,
            created_at INTEGER NOT NULL,
            updated_at INTEGER NOT NULL,
            key INTEGER NOT NULL,
            body BLOB NOT NULL) STRICT;
        CREATE INDEX case_list ON case_file(owner, updated_at, id);
        CREATE INDEX case_key ON case_file(key);

        CREATE TABLE stage_result(
            place INTEGER PRIMARY KEY,
            id TEXT NOT NULL UNIQUE,
            case_id TEXT NOT NULL REFERENCES case_file(id),
            owner TEXT NOT NULL,
            stage TEXT NOT NULL,
            stream TEXT NOT NULL,
            outcome TEXT,
            length INTEGER,
            version INTEGER NOT NULL,
            created_at INTEGER NOT NULL,
            figures TEXT,
            key INTEGER NOT NULL,
            body BLOB NOT NULL) STRICT;
        CREATE INDEX stage_result_case ON stage_result(case_id, place);
        CREATE INDEX stage_result_key ON stage_result(key);
        """

    /// Who was deleted, for the servers that hold something of theirs; `rows` is JSON.
    static let deletions: SQL = """
        CREATE TABLE deletion(
            place INTEGER PRIMARY KEY,
            owner TEXT NOT NULL,
            at INTEGER NOT NULL,
            rows TEXT NOT NULL) STRICT;
        """
}
