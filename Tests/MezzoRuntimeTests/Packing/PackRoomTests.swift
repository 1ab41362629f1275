import MezzoBackend
import MezzoGraph
import Testing

@testable import MezzoRuntime

@Suite struct PackRoomTests {
  @Test func formsLieSideBySideOnLinesOfTheirOwn() throws {
    let room = PackRoom(for: [100, 64, 1].map { Packing(operand: 0, bytes: $0, key: [1]) })
    let forms = try [100, 64, 1].map { try #require(room.take($0)) }
    let first = try #require(forms[0].address)
    #expect(forms.map { $0.address.map { $0 - first } } == [0, 128, 192])
    #expect(forms.map(\.bytes.count) == [100, 64, 1])
    #expect(forms.allSatisfy { $0.isAligned })
  }

  @Test func whatWasNotForeseenHasMemoryOfItsOwn() throws {
    let room = PackRoom(for: [Packing(operand: 0, bytes: 64, key: [1])])
    let (first, second) = (try #require(room.take(64)), try #require(room.take(4096)))
    second.bytes.initializeMemory(as: UInt8.self, repeating: 7)
    first.bytes.initializeMemory(as: UInt8.self, repeating: 3)
    #expect(second.bytes.allSatisfy { $0 == 7 })
  }

  @Test func memoryStaysWithItsLastForm() throws {
    var room: PackRoom? = PackRoom(for: [Packing(operand: 0, bytes: 8 << 20, key: [1])])
    let form = try #require(room?.take(8 << 20))
    room = nil
    form.bytes.initializeMemory(as: UInt8.self, repeating: 5)
    #expect(form.bytes.last == 5)
  }
}
