/// A piece of work that waits for a connection; it is carried out or refused, once.
final class Job: Sendable {
    let deadline: Deadline
    /// Does the work; what it returns tells the answer, once the connection is settled.
    let perform: @Sendable (Session) -> @Sendable () -> Void
    let refuse: @Sendable (PostgreSQLError) -> Void

    init(
        until deadline: Deadline, perform: @escaping @Sendable (Session) -> @Sendable () -> Void,
        refuse: @escaping @Sendable (PostgreSQLError) -> Void
    ) {
        self.deadline = deadline
        self.perform = perform
        self.refuse = refuse
    }
}
