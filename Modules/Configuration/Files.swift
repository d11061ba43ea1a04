import Glibc

/// Files and their names, without Foundation.
enum Files {
    /// Why a file was not read, in the words of the system.
    struct Failure: Error {
        var message: String
    }

    /// The bytes of a file; of one longer than `limit`, one byte more than that, so that it can be told.
    ///
    static func read(_ path: String, limit: Int) throws(Failure) -> [UInt8] {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw Failure(message: String(cString: strerror(errno))) }
        defer { close(file) }
        var bytes: [UInt8] = []
        while bytes.count <= limit {
            let wanted = min(64 << 10, limit + 1 - bytes.count)
            var failure: Int32 = 0
            let chunk = [UInt8](unsafeUninitializedCapacity: wanted) { buffer, count in
                var result = Glibc.read(file, buffer.baseAddress, wanted)
                while result < 0, errno == EINTR { result = Glibc.read(file, buffer.baseAddress, wanted) }
                if result < 0 { failure = errno }
                count = max(0, result)
            }
            guard failure == 0 else { throw Failure(message: String(cString: strerror(failure))) }
            if chunk.isEmpty { break }
            bytes += chunk
        }
        return bytes
    }

    /// The folder part of a path: empty for a bare name.
    static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "" }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// `path` as seen from `folder`; an absolute path stays.
    static func join(_ folder: String, _ path: String) -> String {
        if path.hasPrefix("/") || folder.isEmpty { return path }
        return folder.hasSuffix("/") ? folder + path : "\(folder)/\(path)"
    }

    /// `path` from the root, without `.` and `..`; names alone are looked at, not links.
    static func absolute(_ path: String) -> String {
        var parts: [Substring] = []
        for part in join(workingFolder, path).split(separator: "/") where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        return "/" + parts.joined(separator: "/")
    }

    private static var workingFolder: String {
        guard let name = getcwd(nil, 0) else { return "/" }
        defer { free(name) }
        return String(cString: name)
    }
}
