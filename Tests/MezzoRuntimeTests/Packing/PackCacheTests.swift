import CMezzoABI
import Dispatch
import Foundation
import MezzoBackend
import MezzoFiles
import MezzoGraph
import MezzoPlugins
import MezzoPolicy
import Testing

@testable import MezzoRuntime

/// Packed weights that outlive the program: a program is a pack store of its own here.
@Suite struct PackCacheTests {
  private let folder = PackCacheFolder()

  @Test func whatOneProgramPackedTheNextOneMaps() throws {
    let content = (0..<9000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    for round in 0..<3 {
      let program = folder.program()
      #expect(try program.form(content) == content.map { $0 &+ 1 })
      #expect(program.packs == (round == 0 ? 1 : 0))
    }
    #expect(folder.lines == [])
    let (path, mode) = (try #require(folder.files.first), 0o777 as mode_t)
    var status = stat()
    #expect(stat(path, &status) == 0 && status.st_mode & mode == 0o600 && status.st_size == 4096 + 9000)
    #expect(stat(folder.path, &status) == 0 && status.st_mode & mode == 0o700)
  }

  /// The form lies in the file itself, where programs share it: what is written there is what they see.
  @Test func aFormThatIsKeptIsNoCopy() throws {
    let content = [UInt8](repeating: 3, count: 70_000)
    _ = try folder.program().form(content)
    try folder.program().withForm(content) { form in
      #expect(form.isAligned && form.bytes[69_999] == 4)
      let file = open(folder.files[0], O_WRONLY)
      defer { close(file) }
      #expect(pwrite(file, "!", 1, 4096 + 69_999) == 1)
      #expect(form.bytes[69_999] == UInt8(ascii: "!"))
    }
  }

  @Test func whateverDecidesTheBytesTellsFormsApart() throws {
    let content: [UInt8] = [1, 2, 3, 4]
    let shaped = { Operand(dtype: .uint8, shape: $0, strides: $1, isConstant: $2) }
    let quantized = Operand(dtype: .uint8, shape: [4], quantization: OperandQuantization(scale: .float32))
    let first = folder.program()
    _ = try first.form(content)
    let changes: [(PackCacheFolder.Program) throws -> [UInt8]] = [
      { try $0.form([1, 2, 3, 5]) }, { try $0.form(content, key: [1, 3]) }, { try $0.form(content, key: [2, 1]) },
      { try $0.form(content, bytes: 8) },
      { try $0.form(content, operand: Operand(dtype: .int8, shape: [4])) },
      { try $0.form(content, operand: shaped([2, 2], [2, 1], false)) },
      { try $0.form(content, operand: shaped([2, 2], [1, 2], false)) },
      { try $0.form(content, operand: shaped([4], [1], true)) },
      { try $0.form(content, operand: quantized) },
      { try $0.form(content, backend: FakeBackend("other", [], code: "code")) },
      { try $0.form(content, backend: FakeBackend("fake", [], version: "2", code: "code")) },
      { try $0.form(content, backend: FakeBackend("fake", [], code: "code 2")) },
    ]
    for (index, change) in changes.enumerated() {
      let program = folder.program()
      _ = try change(program)
      #expect(program.packs == 1, "change \(index) is not told apart")
    }
    #expect(folder.files.count == 1 + changes.count)
    #expect(folder.lines == [])
  }

  /// Without a word of which code it is, another version of it could read what this one packed.
  @Test func codeThatNobodyKnowsKeepsNothing() throws {
    for _ in 0..<2 {
      let program = folder.program()
      _ = try program.form([1, 2, 3], backend: FakeBackend("fake", []))
      #expect(program.packs == 1)
    }
    let program = folder.program()
    _ = try program.form([1, 2, 3], key: [0, 0])
    #expect(folder.files == [])
  }

  @Test func smallAndHugeFormsAreNotKept() throws {
    for count in [99, 5001] {
      _ = try folder.program(limit: 4096 + 5000, least: 100).form([UInt8](repeating: 1, count: count))
    }
    #expect(folder.files == [])
    for count in [100, 5000] {
      let program = folder.program(limit: 4096 + 5000, least: 100)
      _ = try program.form([UInt8](repeating: 1, count: count))
      #expect(folder.files.count == 1)
    }
  }

  // MARK: Damage

  /// A bit of each part: the text, the hash in it, what fills it up, and the form.
  @Test func noByteChangesUnnoticed() throws {
    let content = [UInt8](repeating: 9, count: 200)
    _ = try folder.program().form(content)
    let path = folder.files[0]
    let whole = try AtomicFile.read(path)
    let end = try #require(whole.firstIndex(of: 0))
    for place in [0, 30, end / 2, end - 20, end - 1, end, 4095, 4096, 4200, whole.count - 1] {
      var bytes = whole
      bytes[place] ^= 1 << UInt8(place % 8)
      try folder.put(bytes, at: path)
      try expectRepair(content, "byte \(place)")
    }
  }

  @Test(arguments: [0, 1, 4095, 4096, 4295, 4297, 9000]) func otherLengthsAreNoForms(length: Int) throws {
    let content = [UInt8](repeating: 9, count: 200)
    _ = try folder.program().form(content)
    let bytes = try AtomicFile.read(folder.files[0])
    try folder.put(
      bytes.prefix(length) + [UInt8](repeating: 0, count: max(length - bytes.count, 0)), at: folder.files[0])
    try expectRepair(content, "\(length) bytes")
  }

  /// A name that another key's file has got, whole as it is.
  @Test func aFormUnderTheNameOfAnotherIsNotTaken() throws {
    _ = try folder.program().form([1, 2, 3])
    let first = folder.files[0]
    _ = try folder.program().form([4, 5, 6])
    let second = try #require(folder.files.first { $0 != first })
    try folder.put(try AtomicFile.read(second), at: first)
    try expectRepair([1, 2, 3], "another's file")
  }

  enum Stranger: CaseIterable { case link, linkToNothing, pipe, writable }

  @Test(arguments: Stranger.allCases) func whatIsNoFileOfThisUserIsNotRead(_ stranger: Stranger) throws {
    _ = try folder.program().form([1, 2, 3])
    let path = folder.files[0]
    if stranger == .writable {
      chmod(path, 0o620)
    } else {
      let aside = "\(folder.path)/aside"
      rename(path, aside)
      switch stranger {
      case .link: symlink(aside, path)
      case .linkToNothing: symlink("\(folder.path)/nothing", path)
      case .pipe: mkfifo(path, 0o600)
      case .writable: break
      }
    }
    try expectRepair([1, 2, 3], "\(stranger)")
  }

  /// A folder that holds something cannot make way; it is told of, and nothing else happens.
  @Test func whatCannotBeReplacedIsPackedEachTime() throws {
    _ = try folder.program().form([1, 2, 3])
    let path = folder.files[0]
    unlink(path)
    mkdir(path, 0o700)
    mkdir("\(path)/inner", 0o700)
    for round in 1...2 {
      let program = folder.program()
      #expect(try program.form([1, 2, 3]) == [2, 3, 4])
      #expect(program.packs == 1)
      #expect(folder.lines.count == 2 * round, "one line for reading, one for writing")
    }
    #expect(folder.leftovers == [])
  }

  /// Packs once with one line in the log, and is as good as new then.
  private func expectRepair(_ content: [UInt8], _ comment: Comment) throws {
    let before = folder.lines.count
    let program = folder.program()
    #expect(try program.form(content) == content.map { $0 &+ 1 }, comment)
    #expect(program.packs == 1, comment)
    #expect(folder.lines.dropFirst(before).count == 1, comment)
    #expect(folder.lines.last?.contains("packed anew: cannot read \(folder.path)/") == true, comment)
    let next = folder.program()
    #expect(try next.form(content) == content.map { $0 &+ 1 }, comment)
    #expect(next.packs == 0, comment)
    #expect(folder.lines.count == before + 1, comment)
  }

  // MARK: Folders

  @Test func aFolderOfOthersIsNotUsed() throws {
    mkdir(folder.path, 0o700)
    chmod(folder.path, 0o770)
    let program = folder.program()
    for number in 0..<3 as Range<UInt8> { #expect(try program.form([number]) == [number + 1]) }
    #expect(program.packs == 3)
    #expect(folder.files == [])
    #expect(folder.lines.count == 1 && folder.lines[0].contains("(mode 770)") && folder.lines[0].contains("chmod go-w"))
  }

  @Test func aFolderThatCannotBeMadeIsToldOfOnce() throws {
    try AtomicFile.write("text", to: folder.path)
    for inner in ["", "/inner", "/inner/folder"] {
      let before = folder.lines.count
      let program = folder.program(inner)
      for number in 0..<3 as Range<UInt8> { #expect(try program.form([number]) == [number + 1]) }
      #expect(program.packs == 3)
      #expect(folder.lines.count == before + 1)
    }
  }

  @Test func foldersAroundItAreMade() throws {
    for round in 0..<2 {
      let program = folder.program("/some/more/folders")
      _ = try program.form([1, 2, 3])
      #expect(program.packs == 1 - round)
    }
    #expect(folder.lines == [])
  }

  @Test func aFolderThatGoesAwayIsToldOfOnce() throws {
    let program = folder.program()
    _ = try program.form([1])
    try FileManager.default.removeItem(atPath: folder.path)
    for number in 2..<5 as Range<UInt8> { #expect(try program.form([number]) == [number + 1]) }
    #expect(program.packs == 4)
    #expect(folder.lines.count == 1)
    #expect(folder.lines.last?.contains("not kept: cannot write") == true)
  }

  // MARK: Room

  /// Of three that fit, the one that was not used for the longest time makes way.
  @Test func theLongestUnusedMakesWay() throws {
    let limit = 3 * (4096 + 100)
    func content(_ number: UInt8) -> [UInt8] { [UInt8](repeating: number, count: 100) }
    var names: [String] = []
    for number in 0..<3 as Range<UInt8> {
      _ = try folder.program(limit: limit).form(content(number))
      let new = try #require(folder.files.first { !names.contains($0) })
      names.append(new)
      folder.age(new, hours: 10 - Int(number))
    }
    // The oldest is used again.
    let user = folder.program(limit: limit)
    _ = try user.form(content(0))
    #expect(user.packs == 0)
    _ = try folder.program(limit: limit).form(content(3))
    #expect(Set(names).subtracting(folder.files) == [names[1]])
    #expect(folder.files.count == 3)
  }

  @Test func whatKilledWritersLeftGoes() throws {
    _ = try folder.program().form([1, 2, 3])
    let (old, young, others) = (
      "\(folder.files[0]).1-1.part", "\(folder.files[0]).1-2.part",
      ["notes.txt", "film.mp4.part", "pack-1.pack", "pack-1.pack.1-1.part"].map { "\(folder.path)/\($0)" }
    )
    for path in [old, young] + others {
      try AtomicFile.write("text", to: path)
      if path != young { folder.age(path, hours: 1) }
    }
    _ = try folder.program(limit: 4096 + 3).form([4, 5, 6])
    #expect(!AtomicFile.isTaken(old))
    #expect(AtomicFile.isTaken(young) && others.allSatisfy { AtomicFile.isTaken($0) })
  }

  // MARK: At once

  /// Several programs, each on several threads, pack the same forms and others, in a folder with room for half of them.
  @Test func programsMayPackAtOnce() throws {
    for limit in [1 << 20, 4 * (4096 + 500)] {
      let folder = PackCacheFolder()
      let programs = (0..<4).map { _ in folder.program(limit: limit) }
      let wrong = Locked(0)
      DispatchQueue.concurrentPerform(iterations: 128) { index in
        let content = [UInt8](repeating: UInt8(index / 4 % 8), count: 500)
        let form = try? programs[index % 4].form(content, finishes: false)
        if form != content.map({ $0 + 1 }) { wrong.withLock { $0 += 1 } }
      }
      for program in programs { program.cache.finish() }
      #expect(wrong.withLock { $0 } == 0)
      #expect(folder.files.count == (limit == 1 << 20 ? 8 : 4))
      #expect(folder.leftovers == [] && folder.lines == [])
    }
  }

  /// Other programs remove files to make room and write them again, between any two steps of one that reads.
  @Test func aFileThatGoesMeanwhileIsNoFault() throws {
    let content = [UInt8](repeating: 7, count: 500)
    _ = try folder.program().form(content)
    let path = folder.files[0]
    let bytes = try #require(FileManager.default.contents(atPath: path))
    let wrong = Locked(0)
    DispatchQueue.concurrentPerform(iterations: 2) { side in
      for _ in 0..<Sample.count(3000) {
        if side == 0 {
          try? FileManager.default.removeItem(atPath: path)
          try? bytes.write(to: URL(filePath: path), options: .atomic)
        } else if (try? folder.program().form(content, finishes: false)) != content.map({ $0 + 1 }) {
          wrong.withLock { $0 += 1 }
        }
      }
    }
    folder.program().cache.finish()
    #expect(wrong.withLock { $0 } == 0)
    #expect(folder.lines == [])
  }

  // MARK: The environment

  @Test func theEnvironmentNamesAFolder() {
    let notices = folder.notices()
    func place(_ text: String, standard: String? = "/cache/packs") -> String? {
      PackCache.environment(text, standard: standard, notices)?.folder
    }
    #expect(place("") == nil && place("0") == nil)
    #expect(place("1") == "/cache/packs" && place("/some/where") == "/some/where")
    #expect(folder.lines == [])
    #expect(place("packs") == nil && place("1", standard: nil) == nil)
    #expect(folder.lines.count == 2 && folder.lines[0].contains("expected 1, 0 or an absolute path"))
  }
}
