import Foundation
import TestSupport
import Testing

/// `openssl s_server` with a certificate of its own making, serving one file; ends with its last owner.
final class TLSServer: Sendable {
    static let body = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) }

    private let folder: Folder
    private let process: Execution
    let port: Int

    /// The PEM file of the certificate.
    var certificate: String { "\(folder.path)/certificate.pem" }

    /// `name` is the one subject alternative name, such as `IP:127.0.0.1`.
    init(certifying name: String) async throws {
        folder = try await certifiedFolder(name)
        try Data(Self.body).write(to: URL(filePath: "\(folder.path)/body"))
        process = try serve("openssl s_server -accept 127.0.0.1:0 -key key.pem -cert certificate.pem -WWW", in: folder)
        // The line that names the port, `ACCEPT 127.0.0.1:40123`, is written at once.
        await process.shows("ACCEPT 127.0.0.1:")
        port = try #require(process.output.firstMatch(of: /ACCEPT .*:([0-9]+)/).flatMap { Int($0.1) })
    }
}

/// `nginx` with HTTP/2, answering `/<count>` with so many bytes; ends with its last owner.
final class HTTP2Server: Sendable {
    static let isInstalled = FileManager.default.isExecutableFile(atPath: "/usr/sbin/nginx")

    private let folder: Folder
    private let process: Execution
    let port: Int

    /// The PEM file of the certificate.
    var certificate: String { "\(folder.path)/certificate.pem" }

    /// `port` is one that nobody listens on.
    init(on port: Int, lengths: [Int]) async throws {
        self.port = port
        let folder = try await certifiedFolder("IP:127.0.0.1")
        self.folder = folder
        for length in lengths { try Data(Self.body(length)).write(to: URL(filePath: "\(folder.path)/\(length)")) }
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
        try folder.write("nginx.conf", settings)
        process = try serve("nginx -p \(folder.path) -c nginx.conf", in: folder)
    }

    static func body(_ length: Int) -> [UInt8] { (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 13 &+ $0 >> 8) } }
}

/// A fresh folder with `key.pem` and a `certificate.pem` that names `name` and vouches for itself.
private func certifiedFolder(_ name: String) async throws -> Folder {
    let folder = try Folder()
    let arguments =
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test"
        + " -addext subjectAltName=\(name) -keyout key.pem -out certificate.pem"
    let made = try await Execution.run(
        "openssl", arguments.split(separator: " ").map(String.init), environment: programs,
        in: URL(filePath: folder.path))
    try #require(made.code == 0, "\(made.errors)")
    return folder
}

private let programs = ["PATH": "/usr/sbin:/usr/bin:/sbin:/bin"]

/// Runs a server of this machine's in a folder until its owner is gone, or this process, however that ends: its shell then
/// reads the end of its input, and the kernel ends the server with its shell.
private func serve(_ command: String, in folder: Folder) throws -> Execution {
    try Execution(
        "/bin/sh", ["-c", "setpriv --pdeathsig TERM \(command) & read -r end"], environment: programs,
        in: URL(filePath: folder.path))
}
