import CMezzoABI
import MezzoBackend
import Testing

@testable import MezzoPlugins

@Suite struct ErrorBufferTests {
  /// What the host reads after `backend` wrote into a fresh buffer.
  private func message(_ backend: (UnsafeMutablePointer<mezzo_error>) -> Void) -> String {
    ErrorBuffer.with { buffer in
      backend(buffer.pointer)
      return buffer.error(mezzo_status(MEZZO_INTERNAL), backend: "b").message
    }
  }

  /// A backend that writes `text`, as far as the buffer goes, and claims `length`.
  private func message(_ text: String, length: UInt32) -> String {
    message { write(text, length: length, $0) }
  }

  private func write(_ text: String, length: UInt32, _ error: UnsafeMutablePointer<mezzo_error>) {
    for (index, byte) in text.utf8.prefix(Int(error.pointee.msg_cap)).enumerated() {
      error.pointee.msg[index] = CChar(bitPattern: byte)
    }
    error.pointee.msg_len = length
  }

  @Test func readsWhatWasWritten() {
    #expect(message("no memory", length: 9) == "no memory")
    #expect(message("größer", length: 8) == "größer")
    #expect(message("", length: 0) == "it gave no reason")
  }

  @Test(arguments: [(.max, "short"), (300, "short"), (5, "short"), (2, "sh")] as [(UInt32, String)])
  func aLengthIsAClaim(length: UInt32, read: String) { #expect(message("short", length: length) == read) }

  @Test func aMessageLongerThanTheBufferIsCut() {
    let read = message(String(repeating: "x", count: 9999), length: 9999)
    #expect((64..<9999).contains(read.count) && read.allSatisfy { $0 == "x" })
  }

  @Test func aMessagePointerThatWasReplacedIsNeitherReadNorFreed() {
    var own: [CChar] = [65, 66, 0]
    let read = own.withUnsafeMutableBufferPointer { own in
      message { error in
        error.pointee.msg = own.baseAddress
        error.pointee.msg_len = 2
      }
    }
    #expect(read == "it gave no reason")
  }

  @Test func bytesThatAreNoUTF8AreReplaced() {
    let read = message { error in
      error.pointee.msg[0] = -1
      error.pointee.msg_len = 1
    }
    #expect(read == "\u{FFFD}")
  }

  @Test func theBufferIsReadyForTheNextCall() {
    ErrorBuffer.with { buffer in
      write("first", length: 5, buffer.pointer)
      buffer.pointer.pointee.why = UInt32(MEZZO_WHY_SHAPE)
      #expect(buffer.error(1, backend: "b").message == "first")
      let second = buffer.error(1, backend: "b")
      #expect(second.message == "it gave no reason")
      #expect(second.kind == .declined(.none))
    }
  }

  @Test(arguments: [
    (MEZZO_UNSUPPORTED, BackendError.Kind.declined(.dtype)), (MEZZO_INVALID, .invalid), (MEZZO_OOM, .outOfMemory),
    (MEZZO_INTERNAL, .failed(status: 4)), (-77, .failed(status: -77)),
  ])
  func aStatusBecomesAKind(status: Int, kind: BackendError.Kind) {
    ErrorBuffer.with { buffer in
      buffer.pointer.pointee.why = UInt32(MEZZO_WHY_DTYPE)
      #expect(buffer.error(mezzo_status(status), backend: "b").kind == kind)
    }
  }

  @Test func aReasonOfALaterVersionIsNoReason() {
    ErrorBuffer.with { buffer in
      buffer.pointer.pointee.why = 999
      #expect(buffer.error(mezzo_status(MEZZO_UNSUPPORTED), backend: "b").kind == .declined(.none))
    }
  }
}
