import MezzoBackend
import MezzoGraph
import MezzoPolicy
import Testing

@testable import MezzoCheckpoint

/// Files in which many headers name one place: what is made of them is bounded by their size all the same.
@Suite struct HDF5SharingTests {
  enum Layout: String, CaseIterable, Sendable { case contiguous, implicit, tree }

  /// Bytes one after the other.
  private struct Bytes {
    private(set) var all: [UInt8] = []

    /// Whole numbers of one width.
    func adding(_ numbers: Int..., width: Int = 1) -> Bytes {
      var new = self
      for number in numbers {
        for byte in 0..<width { new.all.append(UInt8(truncatingIfNeeded: number >> (8 * byte))) }
      }
      return new
    }

    func adding(_ bytes: [UInt8]) -> Bytes {
      var new = self
      new.all.append(contentsOf: bytes)
      return new
    }

    func adding(_ text: String) -> Bytes { adding(Array(text.utf8)) }
  }

  /// A file of the newest format.
  private struct Writer {
    private var bytes = Bytes().adding([UInt8](repeating: 0, count: 48))

    /// - Returns: where it lies.
    mutating func add(_ piece: Bytes) -> Int {
      let place = bytes.all.count
      bytes = bytes.adding(piece.all)
      return place
    }

    mutating func header(_ messages: [(kind: Int, body: Bytes)]) -> Int {
      var block = Bytes()
      for (kind, body) in messages {
        block = block.adding(kind).adding(body.all.count, width: 2).adding(0).adding(body.all)
      }
      return add(
        Bytes().adding("OHDR").adding(2, 2).adding(block.all.count, width: 4).adding(block.all).adding(0, width: 4))
    }

    /// Bytes that lie at `place`; in chunks of one byte where they lie in chunks.
    mutating func dataset(_ layout: Layout, _ count: Int, at place: Int) -> Int {
      let body: Bytes
      switch layout {
      case .contiguous: body = Bytes().adding(3, 1).adding(place, count, width: 8)
      case .implicit: body = Bytes().adding(4, 2, 0, 2, 1, 1, 1, 2).adding(place, width: 8)
      case .tree: body = Bytes().adding(3, 2, 2).adding(place, width: 8).adding(1, 1, width: 4)
      }
      let type = Bytes().adding(0x10, 0, 0, 0).adding(1, width: 4).adding(0, 8, width: 2)
      return header([(1, Bytes().adding(2, 1, 0, 1).adding(count, width: 8)), (3, type), (8, body)])
    }

    mutating func group(_ members: [(name: String, place: Int)]) -> Int {
      var links: [(kind: Int, body: Bytes)] = []
      for (name, place) in members {
        let front = Bytes().adding(1, 1).adding(name.utf8.count, width: 2).adding(name)
        links.append((6, front.adding(place, width: 8)))
      }
      return header(links)
    }

    func file(root: Int) -> FileBytes {
      let front = Bytes().adding(HDF5File.signature).adding(2, 8, 8, 0).adding(0, -1, bytes.all.count, root, width: 8)
      return FileBytes(copying: front.all + Array(bytes.all[front.all.count...]), path: "shared")
    }
  }

  /// `datasets` of 32 bytes, all of which lie at one place.
  private func file(_ layout: Layout, datasets: Int) -> FileBytes {
    var writer = Writer()
    var values = Bytes()
    for value in 0..<32 { values = values.adding(value) }
    let first = writer.add(values)
    var place = first
    if layout == .tree {
      var tree = Bytes().adding("TREE").adding(1, 0).adding(32, width: 2).adding(-1, -1, width: 8)
      for index in 0..<32 { tree = tree.adding(1, 0, width: 4).adding(index, 0, first + index, width: 8) }
      place = writer.add(tree)
    }
    var members: [(name: String, place: Int)] = []
    for index in 0..<datasets { members.append(("\(index)", writer.dataset(layout, 32, at: place))) }
    let root = writer.group(members)
    return writer.file(root: root)
  }

  @Test(arguments: Layout.allCases) func onePlaceHasOneName(layout: Layout) throws {
    let whole = try HDF5File(file(layout, datasets: 1))
    #expect(try whole.tensor(#require(whole.datasets["0"])).scalars() == (0..<32).map(Double.init))
    let error = #expect(throws: CheckpointError.self) { try HDF5File(file(layout, datasets: 1_000)) }
    let reason = layout == .tree ? "is reached twice" : "some places are named by several"
    #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
  }

  /// A path is kept for each dataset: groups with long names are no way to make many bytes of few.
  @Test func pathsEnd() throws {
    var writer = Writer()
    let values = writer.add(Bytes().adding(1))
    var place = writer.dataset(.contiguous, 1, at: values)
    for _ in 0..<5 { place = writer.group([(String(repeating: "n", count: 1_000), place)]) }
    let error = #expect(throws: CheckpointError.self) { try HDF5File(writer.file(root: place)) }
    #expect(error?.description.contains("the path of an object") == true)
  }
}
