internal import Glibc

/// The limit on open descriptors, which a few hundred streams with both ends in one process come near.
enum OpenFiles {
    /// Raises the process's limit as far as it may.
    static func raiseLimit() { _ = raised }

    private static let raised: Bool = {
        var limit = rlimit()
        unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = limit.rlim_max
        return unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0
    }()
}
