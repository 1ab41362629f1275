public import MezzoBackend

/// A backend without code: a TOML file that binds operations straight to C symbols of an existing library.
///
/// Reading a manifest opens nothing and calls nothing: it is data until a `ManifestBackend` is made from it.
public struct Manifest: Sendable {
  public let path: String
  public let id: String
  public let version: String
  public let summary: String?
  public let license: String?
  public let library: Library
  /// One for each `[[bind]]`, in their order; `index` is the place.
  public let rules: [Rule]

  /// What `[library]` says.
  public struct Library: Sendable {
    /// Tried in order: a name without a slash is the dynamic loader's to find, others are relative to the manifest.
    public var names: [String]
    public var requires: Requirements
    public var threads: Threads
  }

  /// What the machine must be; an empty list asks for nothing.
  public struct Requirements: Sendable, Equatable {
    /// `linux`, `macos`.
    public var os: [String] = []
    /// `x86_64`, `aarch64`.
    public var arch: [String] = []
    /// Names as Linux lists them: `avx2`, `avx512_bf16`.
    public var cpu: [String] = []
  }

  /// How the library uses threads.
  public struct Threads: Sendable, Equatable {
    public enum Model: String, Sendable, CaseIterable { case none, own, openmp }
    public enum Scope: String, Sendable, CaseIterable { case process, thread }

    public var model = Model.none
    public var scope = Scope.process
    /// The function that takes a number of threads.
    public var set: String?
  }

  /// Of its text.
  let digest: Digest
  let linking: ManifestDecoder.Linking
  let bindings: [Binding]

  /// Reads and checks `text`; `path` is for messages and for what lies relative to it.
  public init(parsing text: String, path: String) throws(ManifestError) {
    do throws(TOMLError) {
      let decoder = try ManifestDecoder(try TOMLReader.read(text))
      self.path = path
      digest = Digest(text: text)
      id = decoder.id
      version = decoder.version
      summary = decoder.summary
      license = decoder.license
      library = decoder.library
      linking = decoder.linking
      bindings = decoder.bindings
      rules = decoder.bindings.map(\.rule)
    } catch {
      throw ManifestError(error, in: text, path: path)
    }
  }
}

extension ManifestError {
  init(_ error: TOMLError, in text: String, path: String) {
    let before = text.utf8.prefix(error.position)
    let line = before.reduce(1) { $0 + ($1 == 0x0A ? 1 : 0) }
    let start = before.lastIndex(of: 0x0A).map { text.utf8.index(after: $0) } ?? text.startIndex
    let column = String(decoding: text.utf8[start..<before.endIndex], as: UTF8.self).unicodeScalars.count + 1
    self.init(path: path, line: line, column: column, message: error.message)
  }
}
