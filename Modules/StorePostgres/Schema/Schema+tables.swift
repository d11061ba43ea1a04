extension Schema {
    /// Times are milliseconds since 1970, as everywhere in the product; `body` is sealed and `key` the key that did it.
    ///
    /// Sealed bytes cannot be made smaller, so that they are stored without trying; most messages stay with their row, where
    /// they cost one write. `figures` is JSON as text, which unlike
    /// `jsonb` keeps U+0000 in names that a provider made up.
    static let tables = """
        CREATE TABLE medstream.meta (name text PRIMARY KEY, value text NOT NULL);

        CREATE TABLE medstream.node (
          id uuid PRIMARY KEY,
          lock_key bigint NOT NULL,
          holds_lock boolean NOT NULL,
          seen_at timestamptz NOT NULL DEFAULT now()
        );

        CREATE TABLE medstream.account (
          id uuid PRIMARY KEY,
          email_print bytea NOT NULL,
          body bytea NOT NULL,
          key bigint NOT NULL,
          created_at bigint NOT NULL,
          CONSTRAINT account_email UNIQUE (email_print)
        );
        CREATE INDEX account_key ON medstream.account (key);

        CREATE TABLE medstream.onboarding (
          owner uuid PRIMARY KEY,
          version bigint NOT NULL,
          is_complete boolean NOT NULL,
          updated_at bigint NOT NULL,
          body bytea NOT NULL,
          key bigint NOT NULL
        );
        CREATE INDEX onboarding_key ON medstream.onboarding (key);

        CREATE TABLE medstream.conversation (
          id uuid PRIMARY KEY,
          owner uuid NOT NULL,
          kind text NOT NULL,
          is_named boolean NOT NULL,
          created_at bigint NOT NULL,
          updated_at bigint NOT NULL,
          messages integer NOT NULL DEFAULT 0,
          body bytea NOT NULL,
          key bigint NOT NULL
        );
        CREATE UNIQUE INDEX conversation_list ON medstream.conversation (owner, updated_at DESC, id DESC);
        CREATE INDEX conversation_age ON medstream.conversation (updated_at);
        CREATE INDEX conversation_key ON medstream.conversation (key);

        CREATE TABLE medstream.message (
          id uuid PRIMARY KEY,
          conversation uuid NOT NULL REFERENCES medstream.conversation ON DELETE CASCADE,
          owner uuid NOT NULL,
          sequence integer NOT NULL,
          role text NOT NULL,
          state text NOT NULL,
          outcome text,
          stream text,
          last_offset bigint,
          version bigint NOT NULL,
          reply_to uuid,
          retry_of uuid,
          node uuid,
          created_at bigint NOT NULL,
          text_bytes bigint NOT NULL,
          figures text,
          body bytea NOT NULL,
          key bigint NOT NULL,
          CONSTRAINT message_stream UNIQUE (stream),
          CONSTRAINT message_place UNIQUE (conversation, sequence)
        ) WITH (toast_tuple_target = 4096);
        CREATE INDEX message_answers ON medstream.message (reply_to, sequence) WHERE reply_to IS NOT NULL;
        CREATE INDEX message_usage ON medstream.message (owner, created_at)
          WHERE role = 'assistant' AND state = 'final';
        CREATE INDEX message_open ON medstream.message (created_at) WHERE state = 'streaming';
        CREATE INDEX message_key ON medstream.message (key);

        CREATE TABLE medstream.idempotency_key (
          owner uuid NOT NULL,
          key_print bytea NOT NULL,
          subject_print bytea NOT NULL,
          conversation uuid NOT NULL REFERENCES medstream.conversation ON DELETE CASCADE,
          user_message uuid NOT NULL,
          assistant_message uuid NOT NULL,
          stream text NOT NULL,
          ends_at bigint NOT NULL,
          PRIMARY KEY (owner, key_print)
        );
        CREATE INDEX idempotency_key_conversation ON medstream.idempotency_key (conversation);
        CREATE INDEX idempotency_key_end ON medstream.idempotency_key (ends_at);

        CREATE TABLE medstream.case_file (
          id uuid PRIMARY KEY,
          owner uuid NOT NULL,
          status text NOT NULL,
          version bigint NOT NULL,
          created_at bigint NOT NULL,
          updated_at bigint NOT NULL,
          body bytea NOT NULL,
          key bigint NOT NULL
        );
        CREATE UNIQUE INDEX case_file_list ON medstream.case_file (owner, updated_at DESC, id DESC);
        CREATE INDEX case_file_age ON medstream.case_file (updated_at);
        CREATE INDEX case_file_key ON medstream.case_file (key);

        CREATE TABLE medstream.stage_result (
          case_file uuid NOT NULL REFERENCES medstream.case_file ON DELETE CASCADE,
          stage text NOT NULL,
          stream text NOT NULL,
          owner uuid NOT NULL,
          number bigint GENERATED ALWAYS AS IDENTITY,
          outcome text,
          length bigint,
          version bigint NOT NULL,
          created_at bigint NOT NULL,
          figures text,
          body bytea NOT NULL,
          key bigint NOT NULL,
          PRIMARY KEY (case_file, stage, stream)
        );
        CREATE INDEX stage_result_order ON medstream.stage_result (case_file, number);
        CREATE INDEX stage_result_owner ON medstream.stage_result (owner);
        CREATE INDEX stage_result_key ON medstream.stage_result (key);

        ALTER TABLE medstream.account ALTER COLUMN body SET STORAGE EXTERNAL;
        ALTER TABLE medstream.onboarding ALTER COLUMN body SET STORAGE EXTERNAL;
        ALTER TABLE medstream.conversation ALTER COLUMN body SET STORAGE EXTERNAL;
        ALTER TABLE medstream.message ALTER COLUMN body SET STORAGE EXTERNAL;
        ALTER TABLE medstream.case_file ALTER COLUMN body SET STORAGE EXTERNAL;
        ALTER TABLE medstream.stage_result ALTER COLUMN body SET STORAGE EXTERNAL;
        """
}
