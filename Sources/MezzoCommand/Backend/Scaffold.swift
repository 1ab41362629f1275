import ArgumentParser
import CMezzoTemplates
import MezzoPlugins

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A project for a backend, made of the files that are part of this program.
struct Scaffold {
  enum Language: String, CaseIterable, ExpressibleByArgument {
    case c, cpp, rust, zig, swift, manifest

    var title: String {
      switch self {
      case .c: "C"
      case .cpp: "C++"
      case .rust: "Rust"
      case .zig: "Zig"
      case .swift: "Swift"
      case .manifest: "a manifest"
      }
    }

    func product(_ name: String) -> String { self == .manifest ? "\(name).toml" : "\(name).so" }
  }

  private let name: String
  private let files: [(path: String, text: String)]

  var paths: [String] { files.map(\.path) }

  init(_ language: Language, name: String) throws(ValidationError) {
    guard Self.isName(name) else {
      throw ValidationError(
        "expected a name of at most 40 letters, digits, '-' and '_' that begins with a letter, found '\(name)'")
    }
    guard !BackendRegistry.reservedIDs.contains(name) else {
      throw ValidationError("expected a name of its own, found '\(name)', which is the id of a backend in Mezzo itself")
    }
    self.name = name
    files = (0..<mezzo_template_count()).compactMap { index in
      let file = mezzo_template_at(index).pointee
      let owner = String(cString: file.language)
      guard owner.isEmpty || owner == language.rawValue else { return nil }
      // Constant data of the program.
      let text = String(decoding: UnsafeBufferPointer(start: file.bytes, count: file.count), as: UTF8.self)
      return (Self.fill(String(cString: file.path), name, language), Self.fill(text, name, language))
    }
  }

  /// Makes the folder, whole or not at all: it is written under another name first.
  func write() throws(OutputError) {
    guard access(name, F_OK) != 0 else {
      throw OutputError(path: name, reason: "it exists already; choose another name, or remove it")
    }
    let part = ".\(name).\(getpid()).part"
    do throws(OutputError) {
      try Self.makeFolder(part)
      for (path, text) in files {
        if let slash = path.lastIndex(of: "/") { try Self.makeFolder("\(part)/\(path[..<slash])") }
        try MezzoCommand.write(text, to: "\(part)/\(path)")
      }
      guard rename(part, name) == 0 else { throw OutputError(path: name, reason: String(cString: strerror(errno))) }
    } catch {
      remove(part)
      throw error
    }
  }

  private static func fill(_ text: String, _ name: String, _ language: Language) -> String {
    var filled = text
    // The C project is a plugin of this package, which has to build without being filled in.
    for (mark, value) in [
      ("@NAME@", name), ("@LANGUAGE@", language.title), ("@FILE@", language.product(name)),
      ("\"template\"", "\"\(name)\""), ("Mezzo backend: matrix", "Mezzo backend, \(name): matrix"),
    ] { filled.replace(mark, with: value) }
    return filled
  }

  private static func isName(_ text: String) -> Bool {
    guard let first = text.utf8.first, text.utf8.count <= 40 else { return false }
    func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte | 0x20) }
    return isLetter(first)
      && text.utf8.allSatisfy { isLetter($0) || (0x30...0x39).contains($0) || $0 == 0x2D || $0 == 0x5F }
  }

  private static func makeFolder(_ path: String) throws(OutputError) {
    guard mkdir(path, 0o755) == 0 || errno == EEXIST else {
      throw OutputError(path: path, reason: String(cString: strerror(errno)))
    }
  }

  private func remove(_ part: String) {
    for (path, _) in files { unlink("\(part)/\(path)") }
    for (path, _) in files { if let slash = path.lastIndex(of: "/") { rmdir("\(part)/\(path[..<slash])") } }
    rmdir(part)
  }
}
