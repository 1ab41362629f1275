import CMezzoABI
import MezzoBackend
import Testing

@testable import MezzoPlugins

/// Tables full of garbage, in memory that can be read: an error that says what is wrong, or a table, and nothing else.
@Suite struct BackendTableFuzzTests {
  private static let rounds = 1500
  private static let noise: [UInt64] = {
    var random = Xorshift(state: 9)
    return (0..<20_000).map { _ in random.next() }
  }()
  private static let texts = [
    "relu", "x:f32 -> y:f32", "A:T{f16,bf16}[...,m,k] B:T[...,k,n] -> C:T[...,m,n]", "k % 8 == 0", "unit(A)", "", " ",
    "\u{1}\u{2}", "é", "((((((", "x:f32 -> x:f32", "99999999999999999999 > 0",
  ]

  private final class Garbage {
    var random: Xorshift
    private var blocks: [UnsafeMutableRawPointer] = []

    init(_ seed: UInt64) { random = Xorshift(state: seed) }

    deinit { blocks.forEach { $0.deallocate() } }

    /// Cut out of one block of noise, at a place of its own.
    func memory(_ bytes: Int) -> UnsafeMutableRawPointer {
      let block = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 16)
      BackendTableFuzzTests.noise.withUnsafeBytes { noise in
        let start = Int.random(in: 0..<noise.count - bytes, using: &random)
        block.copyMemory(
          from: UnsafeRawBufferPointer(rebasing: noise[start..<start + bytes]).baseAddress ?? UnsafeRawPointer(block),
          byteCount: bytes)
      }
      blocks.append(block)
      return block
    }

    /// Text that ends; now and then it is no text.
    func text() -> UnsafePointer<CChar>? {
      switch Int.random(in: 0..<8, using: &random) {
      case 0: return nil
      case 1:
        let block = memory(6000)
        block.storeBytes(of: 0, toByteOffset: Int.random(in: 0..<6000, using: &random), as: UInt8.self)
        block.storeBytes(of: 0, toByteOffset: 5999, as: UInt8.self)
        return UnsafePointer(block.assumingMemoryBound(to: CChar.self))
      default:
        let text = Array((BackendTableFuzzTests.texts.randomElement(using: &random) ?? "").utf8CString)
        let block = memory(text.count)
        block.copyMemory(from: text, byteCount: text.count)
        return UnsafePointer(block.assumingMemoryBound(to: CChar.self))
      }
    }

    func number<T: FixedWidthInteger>(_ usual: T) -> T {
      Int.random(in: 0..<4, using: &random) == 0 ? T.random(in: .min ... .max, using: &random) : usual
    }
  }

  @Test func tablesOfGarbageAreRefusedOrRead() {
    var (read, refused) = (0, 0)
    for seed in 1...Self.rounds {
      let garbage = Garbage(UInt64(seed))
      // Whatever the strides and counts say, they stay in here or are refused: 64 rules of at most 256 bytes.
      let rules = garbage.memory(16_384)
      let stride = Int.random(in: 0...256, using: &garbage.random)
      let count = garbage.number(UInt32.random(in: 0...64, using: &garbage.random))
      for index in 0..<64 where stride >= MemoryLayout<mezzo_rule>.size {
        var rule = rules.loadUnaligned(fromByteOffset: index * stride, as: mezzo_rule.self)
        rule.struct_size = garbage.number(UInt32(MemoryLayout<mezzo_rule>.size))
        rule.op = garbage.number(UInt32.random(in: 0...40, using: &garbage.random))
        (rule.name, rule.sig, rule.when) = (garbage.text(), garbage.text(), garbage.text())
        if Bool.random(using: &garbage.random) { rule.cost = mezzo_cost() }
        if Bool.random(using: &garbage.random) { rule.numerics = mezzo_numerics() }
        withUnsafeBytes(of: &rule) {
          rules.advanced(by: index * stride).copyMemory(
            from: $0.baseAddress ?? UnsafeRawPointer(rules), byteCount: $0.count)
        }
      }
      let place = garbage.memory(MemoryLayout<mezzo_backend>.size + 8) + Int.random(in: 0...7, using: &garbage.random)
      var table = place.loadUnaligned(as: mezzo_backend.self)
      table.struct_size = garbage.number(UInt32(MemoryLayout<mezzo_backend>.size))
      if Int(table.struct_size) > MemoryLayout<mezzo_backend>.size { table.struct_size = .max }
      (table.abi_major, table.abi_minor) = (garbage.number(1), garbage.number(0))
      (table.id, table.version, table.vendor, table.build) = (
        garbage.text(), garbage.text(), garbage.text(), garbage.text()
      )
      table.rules = UnsafePointer(rules.assumingMemoryBound(to: mezzo_rule.self))
      table.n_rules = count > 64 && count <= 65_536 ? .max : count
      table.rule_stride = UInt32(stride)
      withUnsafeBytes(of: &table) {
        place.copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(rules), byteCount: $0.count)
      }
      do throws(BackendError) {
        let table = try BackendTable(UnsafePointer(OpaquePointer(place)), name: "garbage")
        _ = try table.rules()
        read += 1
      } catch {
        if error.kind != .unloadable || error.message.isEmpty { Issue.record("\(error)") }
        refused += 1
      }
    }
    #expect(read > 0 && refused > read)
  }
}
