import MezzoBackend
import MezzoPolicy
import Testing

@testable import MezzoGraph

@Suite struct TensorStorageTests {
  /// Keeps eight floats, none of them where a cache line begins.
  private final class Keeper: BytesKeeper, @unchecked Sendable {
    // Sound: only the test writes, before and after others read.
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 40, alignment: 64)
    var rested: [Int] = []

    init() { for place in 0..<10 { memory.storeBytes(of: Float(place), toByteOffset: 4 * place, as: Float.self) } }

    deinit { memory.deallocate() }

    func rest(_ bytes: UnsafeRawBufferPointer) { rested.append(bytes.count) }

    func tensor() throws -> Tensor {
      try Tensor(
        TensorType(.float32, [8]),
        storage: TensorStorage(UnsafeRawBufferPointer(rebasing: memory[8...]), keptBy: self))
    }
  }

  @Test func bytesOfAnotherAreReadWhereTheyAre() throws {
    let keeper = Keeper()
    let tensor = try keeper.tensor()
    #expect(tensor.scalars() == (2..<10).map(Double.init))
    #expect(!tensor.storage.isAligned && tensor.storage.bytes.baseAddress == keeper.memory.baseAddress.map { $0 + 8 })
    tensor.storage.rest()
    #expect(keeper.rested == [32])
  }

  @Test func theyAreCopiedToBeWritten() throws {
    let keeper = Keeper()
    var tensor = try keeper.tensor()
    tensor.uniqueStorage().bytes.storeBytes(of: Float(100), as: Float.self)
    #expect(tensor.storage.isOwn && tensor.storage.isAligned)
    #expect(tensor.scalars()[0] == 100)
    #expect(try keeper.tensor().scalars()[0] == 2)
    let address = tensor.storage.bytes.baseAddress
    #expect(tensor.uniqueStorage().bytes.baseAddress == address)
  }

  @Test func theyLiveAsLongAsWhoReadsThem() throws {
    weak var kept: Keeper?
    var tensor: Tensor?
    do {
      let keeper = Keeper()
      kept = keeper
      tensor = try keeper.tensor()
    }
    #expect(kept != nil)
    #expect(tensor?.scalars().last == 9)
    tensor = nil
    #expect(kept == nil)
  }

  @Test(arguments: [0, 1, 63, 64, 65, 1 << 20]) func zerosAreZero(_ count: Int) throws {
    for _ in 0..<3 {
      let storage = try #require(TensorStorage.zeros(byteCount: count))
      #expect(storage.bytes.count == count && storage.isAligned && storage.isOwn)
      #expect(storage.bytes.allSatisfy { $0 == 0 })
      // The next one may get the same memory.
      storage.bytes.initializeMemory(as: UInt8.self, repeating: 0xFF)
    }
    #expect(TensorStorage.zeros(byteCount: -1) == nil && TensorStorage.zeros(byteCount: .max) == nil)
  }
}
