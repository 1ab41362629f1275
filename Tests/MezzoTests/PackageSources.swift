import Foundation

/// The package as it lies on disk: its description and the files of its targets.
enum PackageSources {
  static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  struct Target {
    var name: String
    var isTest: Bool
    var dependencies: Set<String>
  }

  /// The targets that the package description declares outside `Plugins/`, read from its text: asking SwiftPM would wait
  /// for the lock that the running `swift test` holds.
  static func targets() throws -> [Target] {
    let text = try String(contentsOf: root.appending(path: "Package.swift"), encoding: .utf8)
    let beginnings = text.matches(of: /\.(target|executableTarget|systemLibrary|testTarget)\(\s*name: "(\w+)"/)
    return beginnings.enumerated().compactMap { index, beginning in
      let end = index + 1 < beginnings.count ? beginnings[index + 1].range.lowerBound : text.endIndex
      let declaration = text[beginning.range.lowerBound..<end]
      if declaration.contains(/path: "Plugins\//) { return nil }
      let list = declaration.firstMatch(of: /dependencies:\s*\[([^\]]*)\]/)?.1 ?? ""
      return Target(
        name: String(beginning.2), isTest: beginning.1 == "testTarget",
        dependencies: Set(list.matches(of: /"(\w+)"/).map { String($0.1) }))
    }
  }

  /// All files with one of the `extensions` below `folder`, which is relative to the package.
  static func files(below folder: String, extensions: Set<String> = ["swift", "c", "h"]) -> [URL] {
    // Resolved, since an enumerator does not follow the link that it starts from.
    let url = root.appending(path: folder).resolvingSymlinksInPath()
    let files = FileManager.default.enumerator(at: url, includingPropertiesForKeys: nil, options: .skipsHiddenFiles)
    return (files?.compactMap { $0 as? URL } ?? []).filter { extensions.contains($0.pathExtension) }
  }

  static func text(_ file: URL) throws -> String { try String(contentsOf: file, encoding: .utf8) }

  /// The targets whose module or header `file` asks for.
  static func imports(in file: URL) throws -> Set<String> {
    let text = try text(file)
    if file.pathExtension == "swift" {
      let pattern = /^(?:@?\w+ )*import (?:(?:struct|class|enum|protocol|func|var|let|typealias) )?(\w+)/
      return Set(text.matches(of: pattern.anchorsMatchLineEndings()).map { String($0.1) })
    }
    let headers = text.matches(of: /^[ \t]*#[ \t]*include "([^"]+)"/.anchorsMatchLineEndings())
    return Set(try headers.compactMap { try owner(ofHeader: String($0.1)) })
  }

  /// The names of the folders directly in `folder`.
  static func folders(in folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: path(folder)).filter { name in
      var isDirectory: ObjCBool = false
      let exists = FileManager.default.fileExists(atPath: path("\(folder)/\(name)"), isDirectory: &isDirectory)
      return exists && isDirectory.boolValue && !name.hasPrefix(".")
    }
  }

  static func path(_ relative: String) -> String { root.appending(path: relative).path(percentEncoded: false) }

  private static func owner(ofHeader header: String) throws -> String? {
    try folders(in: "Sources").first { FileManager.default.fileExists(atPath: path("Sources/\($0)/include/\(header)")) }
  }
}
