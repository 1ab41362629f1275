import MezzoPolicy

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Looks for the value that makes a golden file unreadable though it is JSON, such as the number 1e400.
struct GoldenFileFault {
  /// The case, counted from 1, and its name and the value's place as far as they can be read.
  let place: String

  /// Nil if the file is no JSON at all, or no case has such a value.
  init?(_ data: Data) {
    guard let cases = try? JSONDecoder().decode(Cases.self, from: data).cases,
      let index = cases.firstIndex(where: { $0.fault != nil }), let fault = cases[index].fault
    else { return nil }
    place = "case \(index + 1)\(cases[index].id.map { ", \($0)" } ?? ""): \(fault.drop { $0 == "." })"
  }

  private struct Cases: Decodable {
    var cases: [Case]
  }

  private struct Case: Decodable {
    let id: String?
    let fault: String?

    init(from decoder: any Decoder) throws {
      id = try? decoder.container(keyedBy: Key.self).decode(String.self, forKey: Key(stringValue: "id"))
      fault = try Value(from: decoder).fault
    }
  }

  private struct Value: Decodable {
    /// The place of the first value in it that cannot be read.
    let fault: String?

    init(from decoder: any Decoder) throws {
      if let members = try? decoder.container(keyedBy: Key.self) {
        for key in members.allKeys.sorted(by: { $0.stringValue < $1.stringValue }) {
          if let fault = try members.decode(Value.self, forKey: key).fault {
            self.fault = ".\(key.stringValue)\(fault)"
            return
          }
        }
        fault = nil
      } else if var elements = try? decoder.unkeyedContainer() {
        while !elements.isAtEnd {
          let index = elements.currentIndex
          if let fault = try elements.decode(Value.self).fault {
            self.fault = "[\(index)]\(fault)"
            return
          }
        }
        fault = nil
      } else {
        fault = (try? ConfigurationValue(from: decoder)) == nil ? "" : nil
      }
    }
  }

  private struct Key: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }
}
