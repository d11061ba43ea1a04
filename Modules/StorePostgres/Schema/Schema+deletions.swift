extension Schema {
    /// Who was deleted, for the servers that hold something of theirs; `rows` is JSON as text.
    ///
    /// Operators alone add to it and read it, and nobody changes it.
    static let deletions = """
        CREATE TABLE medstream.deletion (
          place bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
          owner uuid NOT NULL,
          at bigint NOT NULL,
          rows text NOT NULL
        );
        ALTER TABLE medstream.deletion ENABLE ROW LEVEL SECURITY;
        ALTER TABLE medstream.deletion FORCE ROW LEVEL SECURITY;
        CREATE POLICY reading ON medstream.deletion FOR SELECT USING ((SELECT medstream.operates()));
        CREATE POLICY adding ON medstream.deletion FOR INSERT WITH CHECK ((SELECT medstream.operates()));
        """
}
