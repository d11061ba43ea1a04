internal import CSodium
import Glibc

/// A keyring in a file that its owner alone may read.
struct KeyFile {
    let path: String

    /// What tells one state of the file from another.
    struct Stamp: Sendable, Hashable {
        var inode: UInt
        var size: Int
        var seconds: Int
        var nanoseconds: Int
    }

    /// The state of the file now; `nil` when it cannot be looked at.
    var stamp: Stamp? {
        var status = stat()
        return stat(path, &status) == 0 ? Stamp(status) : nil
    }

    /// The bytes of the file, which the caller wipes, and its state when they were read.
    ///
    /// - Throws: ``KeyringError`` when it is missing, no plain file, or open to others than its owner.
    func read() throws(KeyringError) -> (bytes: [UInt8], stamp: Stamp) {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else {
            throw errno == ENOENT ? .missing(path: path) : .unreadable(path: path, reason: System.lastError)
        }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0 else { throw .unreadable(path: path, reason: System.lastError) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .unreadable(path: path, reason: "it is no plain file") }
        guard status.st_mode & 0o077 == 0 else { throw .exposed(path: path, mode: status.st_mode & 0o7777) }
        return (try bytes(of: file), Stamp(status))
    }

    private func bytes(of file: Int32) throws(KeyringError) -> [UInt8] {
        var failure: String?
        // One buffer of all its size: a growing one would leave copies behind.
        let bytes = [UInt8](unsafeUninitializedCapacity: KeyringText.limit + 1) { buffer, count in
            while count < buffer.count {
                let result = Glibc.read(file, buffer.baseAddress.map { $0 + count }, buffer.count - count)
                if result < 0, errno == EINTR { continue }
                if result < 0 { failure = System.lastError }
                if result <= 0 { return }
                count += result
            }
        }
        if let failure { throw .unreadable(path: path, reason: failure) }
        return bytes
    }

    // MARK: - Writing

    /// Makes the file, whole or not at all.
    ///
    /// - Throws: ``KeyringError/exists(path:)``, ``KeyringError/unwritable(path:reason:)``.
    func create(_ bytes: [UInt8]) throws(KeyringError) {
        let draft = try writeDraft(bytes)
        // Unlike a rename, a link never replaces what is there.
        let result = link(draft, path)
        let failure = errno
        unlink(draft)
        guard result == 0 else {
            throw failure == EEXIST ? .exists(path: path) : .unwritable(path: path, reason: System.text(failure))
        }
        try syncFolder()
    }

    /// Replaces the file, in one step, by what `change` makes of its bytes; one process at a time.
    func update(
        _ change: (inout [UInt8]) throws(KeyringError) -> Void
    ) throws(KeyringError) {
        let folder = open(System.folder(of: path), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw .unwritable(path: path, reason: System.lastError) }
        defer { close(folder) }
        while flock(folder, LOCK_EX) != 0 {
            guard errno == EINTR else { throw .unwritable(path: path, reason: System.lastError) }
        }
        var bytes = try read().bytes
        defer { bytes.wipe() }
        try change(&bytes)
        let draft = try writeDraft(bytes)
        guard rename(draft, path) == 0 else {
            let reason = System.lastError
            unlink(draft)
            throw .unwritable(path: path, reason: reason)
        }
        try syncFolder()
    }

    /// Writes the bytes to a file beside this one, down to the disk.
    private func writeDraft(_ bytes: [UInt8]) throws(KeyringError) -> String {
        let draft = "\(path).\(getpid()).\(randombytes_random()).new"
        let file = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw .unwritable(path: path, reason: System.lastError) }
        var done = 0
        while done < bytes.count {
            let result = bytes.withUnsafeBytes { write(file, $0.baseAddress.map { $0 + done }, bytes.count - done) }
            if result < 0, errno == EINTR { continue }
            if result <= 0 { break }
            done += result
        }
        let isWritten = done == bytes.count && fsync(file) == 0
        let reason = System.lastError
        close(file)
        guard isWritten else {
            unlink(draft)
            throw .unwritable(path: path, reason: reason)
        }
        return draft
    }

    /// Makes the file's name as durable as its bytes.
    private func syncFolder() throws(KeyringError) {
        let folder = open(System.folder(of: path), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { throw .unwritable(path: path, reason: System.lastError) }
        defer { close(folder) }
        guard fsync(folder) == 0 else { throw .unwritable(path: path, reason: System.lastError) }
    }
}

extension KeyFile.Stamp {
    fileprivate init(_ status: stat) {
        self.init(
            inode: UInt(status.st_ino), size: Int(status.st_size), seconds: status.st_mtim.tv_sec,
            nanoseconds: status.st_mtim.tv_nsec)
    }
}
