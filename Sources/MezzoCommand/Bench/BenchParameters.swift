import Mezzo

/// What a workload is asked to be: sizes by name, checked as they are read.
struct BenchParameters {
  private let members: [String: ConfigurationValue]

  /// Those of the table in `Docs/Performance.md`.
  init() { members = [:] }

  /// - Parameter value: an object; what it leaves out is that of the table.
  init(_ value: ConfigurationValue?, of kind: BenchKind) throws(BenchError) {
    if case .object(let members)? = value { self.members = members } else { members = [:] }
    if let name = members.keys.sorted().first(where: { !kind.parameters.contains($0) }) {
      throw .unknownParameter(name, workload: kind.name, known: kind.parameters)
    }
  }

  /// Far beyond what fits a memory, and its products still fit an `Int`.
  private static let limit = 1 << 20

  func size(_ name: String, default value: Int) throws(BenchError) -> Int {
    switch members[name] {
    case nil: return value
    case .integer(let size)? where (1...Self.limit).contains(size): return size
    case let other?: throw .parameter(name: name, expected: "1 to \(Self.limit)", found: other.summary)
    }
  }

  func text(_ name: String, default value: String) throws(BenchError) -> String {
    switch members[name] {
    case nil: return value
    case .string(let text)?: return text
    // On a command line only the parameter knows that these are none.
    case .integer(let number)?: return "\(number)"
    case let other?: throw .parameter(name: name, expected: "a text", found: other.summary)
    }
  }

  /// - Parameter count: how many sizes there must be.
  func sizes(_ name: String, default value: [Int], count: ClosedRange<Int>) throws(BenchError) -> [Int] {
    guard let member = members[name] else { return value }
    let expected = "\(count.lowerBound) to \(count.upperBound) sizes of 1 to \(Self.limit)"
    guard case .array(let elements) = member, count.contains(elements.count) else {
      throw .parameter(name: name, expected: expected, found: member.summary)
    }
    var sizes: [Int] = []
    for element in elements {
      guard case .integer(let size) = element, (1...Self.limit).contains(size) else {
        throw .parameter(name: name, expected: expected, found: element.summary)
      }
      sizes.append(size)
    }
    return sizes
  }
}

/// Why a workload cannot be measured.
enum BenchError: Error, CustomStringConvertible {
  case unknownWorkload(String, known: [String])
  case unknownVariant(String, known: [String])
  case unknownParameter(String, workload: String, known: [String])
  case parameter(name: String, expected: String, found: String)
  case notPrepared
  case noLibrary(String)

  var description: String {
    switch self {
    case .unknownWorkload(let name, let known):
      "there is no workload \(name); there are \(known.joined(separator: ", "))"
    case .unknownVariant(let name, let known):
      "this workload has no variant \(name); it has \(known.joined(separator: ", "))"
    case .unknownParameter(let name, let workload, let known):
      "\(workload) has no parameter \(name); it has \(known.joined(separator: ", "))"
    case .parameter(let name, let expected, let found): "the parameter \(name) must be \(expected), got \(found)"
    case .notPrepared: "nothing is prepared; send \"prepare\" first"
    case .noLibrary(let path):
      "expected the library \(path), whose functions are called, beside this program; 'swift build -c release' builds both"
    }
  }
}
