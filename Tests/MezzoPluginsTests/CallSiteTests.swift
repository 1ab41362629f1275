import MezzoBackend
import Testing

@testable import MezzoPlugins

@Suite struct CallSiteTests {
  /// Writes what it was given, and returns what it is told to.
  private static let probe: @convention(c) (UnsafeMutableRawPointer?, UnsafeMutableRawPointer?) -> Int32 = {
    object, arguments in
    guard let arguments = arguments?.assumingMemoryBound(to: Int.self) else { return -1 }
    arguments[1] = Int(bitPattern: object)
    return Int32(truncatingIfNeeded: arguments[0])
  }

  @Test(
    arguments: [CallConvention.foreign, .direct], [0, 1, -1, Int(Int32.max), Int(Int32.min), 0x1234] as [Int])
  func passesPointersAndStatusUnchanged(convention: CallConvention, status: Int) {
    let object = UnsafeMutableRawPointer(bitPattern: 0xABC0)
    var arguments = [status, 0]
    let result = arguments.withUnsafeMutableBufferPointer { buffer in
      buffer.baseAddress.map { CallSite(Self.probe, convention)(object, $0) }
    }
    #expect(result == Int32(status))
    #expect(arguments[1] == 0xABC0)
  }

  @Test func aNullObjectStaysNull() {
    var arguments = [7, 99]
    _ = arguments.withUnsafeMutableBufferPointer { buffer in
      buffer.baseAddress.map { CallSite(Self.probe, .foreign)(nil, $0) }
    }
    #expect(arguments[1] == 0)
  }
}
