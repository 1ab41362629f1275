import MezzoBackend

/// Cases of operations on the rows of a table.
enum TableBlueprints {
  static func gather(_ effort: Effort) -> [Blueprint] {
    lookups(effort).flatMap { table, indices in
      [ValueRecipe.ordinary, .special(period: 1)].map {
        Blueprint(
          inputs: [table, indices], results: [indices + table.dropFirst()], recipes: [$0, .labels(depth: table[0])])
      }
    }
  }

  static func scatterAdd(_ effort: Effort) -> [Blueprint] {
    lookups(effort).flatMap { table, indices in
      [ValueRecipe.ordinary, .scattered].map {
        Blueprint(
          inputs: [indices + table.dropFirst(), indices], results: [table],
          recipes: [$0, .labels(depth: table[0])])
      }
    }
  }

  /// Tables without rows, of empty rows and of scalars; rows longer than a block; more indices than rows and fewer.
  private static func lookups(_ effort: Effort) -> [(table: [Int], indices: [Int])] {
    let tables = [[0, 3], [4, 0], [5], [1, 3], [5, 3], [3, 2, 5], [2, 3, 1, 4]]
    let indices = [[], [0], [1], [7], [3, 2]]
    let (rows, long) = effort == .quick ? (257, 1031) : (5003, 20_011)
    return tables.flatMap { table in indices.map { (table, $0) } } + [([3, long], [5]), ([rows, 3], [rows * 3])]
  }
}
