import CMezzoABI
import MezzoBackend
import Testing

@Suite struct BackendErrorTests {
  @Test(arguments: [
    (BackendError.Kind.declined(.shape), "backend b declined: m"),
    (.invalid, "backend b was asked for something contradictory: m"), (.outOfMemory, "backend b ran out of memory: m"),
    (.failed(status: 4), "backend b failed with status 4: m"), (.unloadable, "backend b was refused: m"),
  ])
  func saysWhoWhatAndWhy(kind: BackendError.Kind, text: String) {
    let error = BackendError(backend: "b", kind: kind, message: "m")
    #expect(error.description == text)
    #expect(error.isDecline == (kind == .declined(.shape)))
  }

  @Test func reasonsHaveTheHeadersNumbers() {
    #expect(Int(BackendError.Why.none.rawValue) == MEZZO_WHY_NONE)
    #expect(Int(BackendError.Why.shape.rawValue) == MEZZO_WHY_SHAPE)
    #expect(Int(BackendError.Why.processor.rawValue) == MEZZO_WHY_CPU)
    #expect(Int(BackendError.Why.symbol.rawValue) == MEZZO_WHY_SYMBOL)
    #expect(Int(BackendError.Why.limit.rawValue) == MEZZO_WHY_LIMIT)
  }
}
