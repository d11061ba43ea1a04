import Foundation
import Testing

/// `openssl s_server` with a certificate of its own making, serving one file; ends with its last owner.
final class TLSServer: Sendable {
    static let body = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) }

    private let folder: URL
    private let process: Process
    let port: Int

    /// The PEM file of the certificate.
    var certificate: String { folder.appending(path: "certificate.pem").path }

    /// `name` is the one subject alternative name, such as `IP:127.0.0.1`.
    init(certifying name: String) async throws {
        folder = try certifiedFolder(name)
        try Data(Self.body).write(to: folder.appending(path: "body"))
        let output = Pipe()
        let arguments = "s_server -accept 127.0.0.1:0 -key key.pem -cert certificate.pem -WWW"
        process = try run("openssl", arguments.components(separatedBy: " "), in: folder, output)
        port = try #require(Self.port(from: output))
    }

    deinit {
        process.terminate()
        try? FileManager.default.removeItem(at: folder)
    }

    /// Reads on to the line that names the port, `ACCEPT 127.0.0.1:40123`.
    private static func port(from output: Pipe) -> Int? {
        var text = ""
        while true {
            let more = output.fileHandleForReading.availableData
            guard !more.isEmpty else { return nil }
            text += String(decoding: more, as: UTF8.self)
            let lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
            if let line = lines.first(where: { $0.hasPrefix("ACCEPT") }) {
                return line.split(separator: ":").last.flatMap { Int($0) }
            }
        }
    }
}

/// `nginx` with HTTP/2, answering `/<count>` with so many bytes; ends with its last owner.
final class HTTP2Server: Sendable {
    static let isInstalled = FileManager.default.isExecutableFile(atPath: "/usr/sbin/nginx")

    private let folder: URL
    private let process: Process
    let port: Int

    /// The PEM file of the certificate.
    var certificate: String { folder.appending(path: "certificate.pem").path }

    /// `port` is one that nobody listens on.
    init(on port: Int, lengths: [Int]) throws {
        self.port = port
        let folder = try certifiedFolder("IP:127.0.0.1")
        self.folder = folder
        for length in lengths { try Data(Self.body(length)).write(to: folder.appending(path: "\(length)")) }
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map { "\($0)_temp_path \(folder.path)/t_\($0);" }
        let settings = """
            daemon off; worker_processes 1; pid nginx.pid; error_log stderr; user root;
            events { worker_connections 512; }
            http {
                access_log off; \(temporary.joined(separator: " "))
                server {
                    listen 127.0.0.1:\(port) ssl http2; http2_chunk_size 16k; root \(folder.path);
                    ssl_certificate \(folder.path)/certificate.pem; ssl_certificate_key \(folder.path)/key.pem;
                    add_header X-Connection $connection; add_header X-Protocol $server_protocol;
                }
            }
            """
        try Data(settings.utf8).write(to: folder.appending(path: "nginx.conf"))
        process = try run("/usr/sbin/nginx", ["-p", folder.path, "-c", "nginx.conf"], in: folder)
    }

    static func body(_ length: Int) -> [UInt8] { (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 13 &+ $0 >> 8) } }

    deinit {
        process.terminate()
        process.waitUntilExit()
        try? FileManager.default.removeItem(at: folder)
    }
}

/// A fresh folder with `key.pem` and a `certificate.pem` that names `name` and vouches for itself.
private func certifiedFolder(_ name: String) throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let arguments =
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test"
        + " -addext subjectAltName=\(name) -keyout key.pem -out certificate.pem"
    try run("openssl", arguments.components(separatedBy: " "), in: folder).waitUntilExit()
    return folder
}

/// Runs a program of this machine's in a folder, without input.
private func run(_ program: String, _ arguments: [String], in folder: URL, _ output: Pipe? = nil) throws -> Process {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = [program] + arguments
    process.currentDirectoryURL = folder
    process.standardInput = FileHandle.nullDevice
    process.standardError = FileHandle.nullDevice
    process.standardOutput = output ?? FileHandle.nullDevice
    try process.run()
    return process
}
