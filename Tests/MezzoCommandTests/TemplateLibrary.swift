import Foundation
import Testing

/// The C template of backends, with changes, compiled.
enum TemplateLibrary {
  private static let source = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Plugins/CTemplate/template.c")
  private static let headers = source.deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Sources/CMezzoABI/include")

  static func with(
    replacing changes: [(old: String, new: String)] = [], flags: [String] = ["-fvisibility=hidden"],
    _ body: (_ library: String, _ folder: URL) throws -> Void
  ) throws {
    try Project.with { folder in
      try body(try build(replacing: changes, flags: flags, in: folder, as: "backend"), folder)
    }
  }

  static func build(
    replacing changes: [(old: String, new: String)] = [], flags: [String] = ["-fvisibility=hidden"], in folder: URL,
    as name: String
  ) throws -> String {
    var text = try String(contentsOf: source, encoding: .utf8)
    for (old, new) in changes {
      try #require(text.contains(old), "\(old)")
      text = text.replacingOccurrences(of: old, with: new)
    }
    let file = folder.appending(path: "\(name).c")
    try text.write(to: file, atomically: true, encoding: .utf8)
    let library = folder.appending(path: "\(name).so").path
    let compiled = try Project.run(
      URL(filePath: "/usr/bin/env"),
      ["cc", "-std=c11", "-O2", "-shared", "-fPIC", "-I", headers.path] + flags + [file.path, "-o", library], in: folder
    )
    try #require(compiled.status == 0, "\(compiled.text)")
    return library
  }
}
