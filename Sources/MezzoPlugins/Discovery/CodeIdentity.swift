import CMezzoHost
import MezzoFiles
import MezzoPolicy

/// Which code a backend runs, as it lies in memory: its file may be another one by now. Found when somebody asks and then kept.
final class CodeIdentity: Sendable {
  private let functions: Set<UInt>
  private let known = Locked<String??>(nil)

  /// - Parameter functions: the addresses of its entry points, in whichever programs and libraries they are.
  init(of functions: some Sequence<UnsafeRawPointer>) {
    self.functions = Set(functions.map { UInt(bitPattern: $0) })
  }

  /// `nil` where nothing tells.
  var text: String? {
    known.withLock { known in
      if let known { return known }
      let text = find()
      known = .some(text)
      return text
    }
  }

  private func find() -> String? {
    var parts: Set<String> = []
    for function in functions {
      guard let part = UnsafeRawPointer(bitPattern: function).flatMap(Self.of) else { return nil }
      parts.insert(part)
    }
    return parts.isEmpty ? nil : parts.sorted().joined(separator: " ")
  }

  /// Of the program or library that a function is part of: the id that its linker made of the content, else a hash of what
  /// nobody writes to in memory.
  static func of(_ function: UnsafeRawPointer) -> String? {
    var identity = [UInt8](repeating: 0, count: Int(MEZZO_CODE_BYTES))
    let kind = Int(mezzo_code_identity(function, &identity))
    guard kind == Int(MEZZO_CODE_BUILD_ID) || kind == Int(MEZZO_CODE_HASH) else { return nil }
    return "\(kind == Int(MEZZO_CODE_HASH) ? "hash" : "build-id"):\(identity.hexadecimalDigits)"
  }
}
