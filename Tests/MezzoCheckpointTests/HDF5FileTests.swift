import Foundation
import MezzoBackend
import MezzoGraph
import MezzoPolicy
import Testing

@testable import MezzoCheckpoint

@Suite struct HDF5FileTests {
  /// What `Tools/make_numpy_files.py` saved.
  private let values = (0..<24).map { Double($0 - 5) }

  private func open(_ name: String) throws -> HDF5File {
    try HDF5File(try FileBytes(file: try Fixture.path("hdf5/\(name).h5")))
  }

  @Test(arguments: [
    ("i1", DType.int8), ("i4", .int32), ("i8", .int64), ("f2", .float16), ("f4", .float32), ("f8", .float64),
    (">f4", .float32), (">i2", .int16),
  ])
  func numbersInOnePiece(name: String, dtype: DType) throws {
    let file = try open("layouts")
    // Members of a group that has two names are found under the one that is visited first.
    let dataset = try #require(file.datasets["group/\(name)"] ?? file.datasets["again/\(name)"])
    #expect(try file.tensor(dataset) == Tensor(values, shape: [2, 3, 4], dtype: dtype))
  }

  @Test(arguments: [("chunked", DType.float32), ("deflated", .float64)])
  func chunksOfWhichSomeReachBeyondTheEnd(name: String, dtype: DType) throws {
    let file = try open("layouts")
    #expect(try file.tensor(#require(file.datasets[name])) == Tensor(values, shape: [2, 3, 4], dtype: dtype))
  }

  @Test func shapesAndManyNames() throws {
    let file = try open("layouts")
    #expect(try file.tensor(#require(file.datasets["scalar"])) == Tensor(7.5, dtype: .float32))
    #expect(file.datasets["empty"]?.type == TensorType(.float32, [0, 3]))
    let flags = values.map { $0 > 3 ? 1.0 : 0 }
    #expect(try file.tensor(#require(file.datasets["bool"])) == Tensor(flags, shape: [2, 3, 4], dtype: .bool))
    for index in 0..<40 {
      #expect(try file.tensor(#require(file.datasets["many/\(index)"])).scalar() == Double(index))
    }
  }

  @Test func theNewestFormatWithFewNamesIsRead() throws {
    let file = try open("latest")
    #expect(Set(file.datasets.keys) == ["group/f4", "scalar"])
    #expect(
      try file.tensor(#require(file.datasets["group/f4"])) == Tensor(values, shape: [2, 3, 4], dtype: .float32))
  }

  @Test func largeGroupsOfTheNewestFormatAreRead() throws {
    let file = try open("dense_links")
    #expect(file.datasets.count == 20)
    for index in 0..<20 {
      #expect(try file.tensor(#require(file.datasets["\(index)"])).scalar() == Double(index))
    }
    let many = try open("many_links")
    #expect(many.datasets.count == 120)
    for index in 0..<120 {
      let name = "layers/a layer whose name is long, so that names need several blocks \(index)"
      #expect(try many.tensor(#require(many.datasets[name])).scalar() == Double(index))
    }
  }

  @Test(arguments: [
    "single", "single deflated", "table", "table deflated", "larger table", "growing",
    "growing deflated", "tree",
    "tree deflated", "implicit",
  ])
  func chunksOfTheNewestFormatAreRead(name: String) throws {
    let file = try open("newest_chunks")
    let dtype: DType = name == "table deflated" ? .float64 : .float32
    #expect(
      try file.tensor(#require(file.datasets[name]))
        == Tensor(values, shape: [2, 3, 4], dtype: dtype))
  }

  @Test(arguments: ["long table", "long growing", "long tree"]) func tablesOfManyPagesAreRead(
    name: String
  ) throws {
    let file = try open("newest_tables")
    #expect(try file.tensor(#require(file.datasets[name])).scalars() == (0..<2200).map(Double.init))
  }

  @Test(arguments: ["text"]) func whatIsNotReadSaysWhat(name: String) throws {
    let error = #expect(throws: CheckpointError.self) { try open(name) }
    guard case .unsupported(_, .hdf5, _)? = error else {
      Issue.record("expected unsupported, found \(String(describing: error))")
      return
    }
  }

  @Test func everyTruncationIsATypedError() throws {
    let bytes = try Fixture.bytes("hdf5/latest.h5")
    for count in stride(from: 0, to: bytes.count, by: 3) {
      let file = FileBytes(copying: Array(bytes[..<count]), path: "cut")
      #expect(throws: CheckpointError.self) {
        let file = try HDF5File(file)
        for dataset in file.datasets.values { _ = try file.tensor(dataset) }
      }
    }
  }
}
