#if os(Linux) || os(Android)
  import Testing

  @testable import MezzoPlugins

  /// Headers built byte by byte, as the System V ABI lays them out on a 64-bit machine.
  @Suite struct ELFHeaderTests {
    /// One segment of 100 bytes at `segmentOffset`, and no sections.
    private func library(segmentOffset: UInt64 = 0, type: UInt64 = 3) -> [UInt8] {
      var bytes = [UInt8](repeating: 0, count: 256)
      func put(_ value: UInt64, _ width: Int, at offset: Int) {
        for index in 0..<width {
          let place = 1.littleEndian == 1 ? index : width - 1 - index
          bytes[offset + place] = UInt8(truncatingIfNeeded: value >> (8 * UInt64(index)))
        }
      }
      bytes.replaceSubrange(0..<6, with: [0x7F, 0x45, 0x4C, 0x46, 2, 1.littleEndian == 1 ? 1 : 2])
      put(type, 2, at: 16)
      put(64, 8, at: 32)
      put(56, 2, at: 54)
      put(1, 2, at: 56)
      put(segmentOffset, 8, at: 64 + 8)
      put(100, 8, at: 64 + 32)
      return bytes
    }

    private func defect(_ bytes: [UInt8]) -> String? {
      ELFHeader.defect(size: bytes.count) { offset, count in
        offset >= 0 && offset <= bytes.count - count ? Array(bytes[offset..<offset + count]) : nil
      }
    }

    @Test func aLibraryIsSound() { #expect(defect(library(segmentOffset: 156)) == nil) }

    @Test func aSegmentBehindTheEndIsATruncation() {
      #expect(defect(library(segmentOffset: 157)) == "is truncated: it needs 257 bytes and has 256")
    }

    @Test func aSegmentOutsideAnyFileIsADefect() {
      #expect(defect(library(segmentOffset: .max)) == "has a segment that lies outside any file")
      #expect(defect(library(segmentOffset: UInt64(Int.max) - 10)) == "has a segment that lies outside any file")
    }

    @Test func programsAndObjectFilesAreNoLibraries() {
      #expect(defect(library(type: 1)) == "is an ELF file, but not a shared library")
      #expect(defect(library(type: 2)) == "is an ELF file, but not a shared library")
    }

    @Test func headersOfOtherMachinesAreRefused() {
      for (place, value) in [(4, 1), (4, 0), (5, 1.littleEndian == 1 ? 2 : 1)] {
        var bytes = library()
        bytes[place] = UInt8(value)
        #expect(defect(bytes) == "was built for another kind of processor")
      }
    }

    @Test func otherFilesAreRefused() {
      #expect(defect([])?.contains("it does not begin with an ELF header (0 bytes)") == true)
      #expect(defect(Array("#!/bin/sh\necho hello\n".utf8))?.contains("does not begin with an ELF header") == true)
      #expect(defect(Array(library().prefix(40))) == "is truncated: 40 bytes do not hold an ELF header")
    }

    @Test func mutatedHeadersNeverTrap() {
      var random = Xorshift(state: 0xE1F)
      var sound = 0
      for _ in 0..<Sample.count(5_000) {
        var bytes = library()
        for _ in 0..<Int.random(in: 1...6, using: &random) {
          let place = Int.random(in: 4..<120, using: &random)
          bytes[place] = [0, 1, 0x7F, 0x80, 0xFF, UInt8.random(in: 0...255, using: &random)][place % 6]
        }
        if defect(bytes) == nil { sound += 1 }
      }
      #expect((1..<5_000).contains(sound))
    }
  }
#endif
