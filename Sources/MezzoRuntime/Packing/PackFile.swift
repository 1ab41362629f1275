import CMezzoHost
import MezzoBackend
import MezzoFiles
import MezzoGraph
import MezzoPolicy

/// The file of one packed form, named after all that decides its bytes, and headed by it.
///
/// Its front of 4096 bytes is text that ends with the hash of the form, filled up with zeros; the form follows. A reader makes the
/// front that it expects anew and compares: nothing that a file says is believed, and no byte of one can change unnoticed.
struct PackFile: Sendable {
  static let suffix = ".pack"
  private static let digits = 40
  /// Bytes before the form. Whole pages, so that the form is aligned for every kernel where it is mapped.
  static let front = 4096

  let name: String
  /// Bytes of the form.
  let count: Int
  private let head: String

  /// `nil` where nothing tells which code the backend runs: another one might pack otherwise under the same key.
  init?(_ key: PackStore.Key, backend: any Backend) {
    guard let code = backend.codeIdentity else { return nil }
    count = key.bytes
    head = """
      mezzo packed weights, format 1
      backend \(backend.id.debugDescription) \(backend.version.debugDescription)
      code \(code.debugDescription)
      processor \(Self.processor)
      key \(key.key.map { String($0, radix: 16) })
      operand \(key.operand.allOfIt)
      source \(key.content)
      bytes \(key.bytes)

      """
    guard head.utf8.count + 64 <= Self.front else { return nil }
    name = "\(Self.digest(head).prefix(Self.digits))\(Self.suffix)"
  }

  /// Whether it is the name of such a file.
  static func isName(_ name: Substring) -> Bool {
    name.hasSuffix(suffix) && name.utf8.count == digits + suffix.utf8.count
      && name.dropLast(suffix.count).allSatisfy(\.isHexDigit)
  }

  /// What the file of a form with that hash begins with.
  private func front(_ content: ContentHash) -> [UInt8] {
    var front = Array("\(head)content \(content)\n".utf8)
    front.append(contentsOf: repeatElement(0, count: Self.front - front.count))
    return front
  }

  /// The form, where it lies in the folder; `nil` where it does not.
  ///
  /// - Throws: `FileError` where there is something else under its name, or something else in it.
  func read(in folder: PrivateFolder) throws(FileError) -> TensorStorage? {
    let path = path(in: folder)
    guard let file = try Self.mapped(path) else { return nil }
    func damaged(_ reason: String) -> FileError { .unreadable(path: path, reason: reason) }
    guard file.bytes.count == Self.front + count else {
      throw damaged("expected \(Self.front + count) bytes, found \(file.bytes.count)")
    }
    let form = UnsafeRawBufferPointer(rebasing: file.bytes[Self.front...])
    try file.load()
    guard file.bytes[..<Self.front].elementsEqual(front(ContentHash(form))) else {
      throw damaged("it is damaged: its content and what it says of it differ")
    }
    file.noteUse()
    // A server with many weights would have a descriptor for each.
    file.close()
    return TensorStorage(form, keptBy: file)
  }

  /// `nil` where there is no file. Another program may remove one, and write it again, at any time: only what fails again and
  /// again is a fault.
  private static func mapped(_ path: String) throws(FileError) -> MappedFile? {
    var attempts = 3
    while AtomicFile.isTaken(path) {
      do throws(FileError) {
        return try MappedFile(path, isOwn: true)
      } catch {
        attempts -= 1
        if attempts == 0 { throw error }
      }
    }
    return nil
  }

  func write(_ form: TensorStorage, in folder: PrivateFolder) throws(FileError) {
    let content = UnsafeRawBufferPointer(form.bytes)
    let front = front(ContentHash(content))
    try front.withUnsafeBytes { front in
      // Not flushed: what a loss of power leaves of it is told by its hash.
      Result { () throws(FileError) in
        try AtomicFile.write([front, content], to: path(in: folder), mode: 0o600, isFlushed: false)
      }
    }.get()
  }

  func path(in folder: PrivateFolder) -> String { "\(folder.path)/\(name)" }

  /// Kernels of one library pack otherwise on another processor, and say so in their keys; this is for those that forgot.
  private static let processor =
    (Int(littleEndian: 1) == 1 ? "little-endian " : "big-endian ")
    + digest(ProcessorFeatures.names.sorted().joined(separator: " ")).prefix(32)

  /// SHA-256 in hexadecimal digits.
  private static func digest(_ text: String) -> String {
    var bytes = [UInt8](repeating: 0, count: 32)
    var text = text
    text.withUTF8 { mezzo_sha256($0.baseAddress, UInt64($0.count), &bytes) }
    return bytes.hexadecimalDigits
  }
}

extension Operand {
  /// All that a backend knows of it when it packs it.
  fileprivate var allOfIt: String {
    let quantization = quantization.map {
      "scale \($0.scale.name) zero \($0.zero?.name ?? "-") axis \($0.axis.map(String.init) ?? "-")"
        + " group \($0.group.map(String.init) ?? "-")"
    }
    return "\(dtype.name) \(shape) strides \(strides) \(isConstant ? "constant" : "-") quantized \(quantization ?? "-")"
      + " packed \(packKey.map { "\($0)" } ?? "-")"
  }
}
