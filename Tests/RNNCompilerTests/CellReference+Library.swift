import Foundation

extension CellReference {
  /// Every cell with a state of the standard library, each written anew from its equations.
  static let all: [CellReference] = simple + longShortTerm + gated + linear

  private static func lstm(_ a: Vector, _ c: Vector) -> (o: Vector, c: Vector) {
    let (i, f, g, o) = (a.part(0, of: 4), a.part(1, of: 4), a.part(2, of: 4), a.part(3, of: 4))
    return (sigmoid(o), sigmoid(f) * c + sigmoid(i) * tanh(g))
  }

  private static let simple = [
    CellReference("RNN(I, H)") { p, x, s in
      let h = tanh(try p("W", x) + p["b_x"] + p("U", s["h"]!) + p["b_h"])
      s["h"] = h
      return h
    },
    CellReference("ReluRNN(I, H)") { p, x, s in
      let h = relu(try p("W", x) + p["b_x"] + p("U", s["h"]!) + p["b_h"])
      s["h"] = h
      return h
    },
    CellReference("IndRNN(I, H)") { p, x, s in
      let h = relu(try p("W", x) + p["u"] * s["h"]! + p["b"])
      s["h"] = h
      return h
    },
    CellReference("LTC(I, H)") { p, x, s in
      let h = s["h"]!
      let f = sigmoid(try p("W", x) + p("U", h) + p["b"])
      let one = h.map { _ in 1 }
      s["h"] = try (h + f * p["A"]) / (one + softplus(p["k"]) + f)
      return s["h"]!
    },
  ]

  private static let longShortTerm = [
    CellReference("LSTM(I, H)", ["h", "c"]) { p, x, s in
      let (o, c) = lstm(try p("W", x) + p["b_x"] + p("U", s["h"]!) + p["b_h"], s["c"]!)
      s = ["h": o * tanh(c), "c": c]
      return s["h"]!
    },
    CellReference("ProjectedLSTM(I, H, 3)", ["h", "c"]) { p, x, s in
      let (o, c) = lstm(try p("W", x) + p["b_x"] + p("U", s["h"]!) + p["b_h"], s["c"]!)
      s = ["h": try p("R", o * tanh(c)), "c": c]
      return s["h"]!
    },
    CellReference("CoupledLSTM(I, H)", ["h", "c"]) { p, x, s in
      let a = try p("W", x) + p("U", s["h"]!) + p["b"]
      let i = sigmoid(a.part(0, of: 3))
      let c = rest(i) * s["c"]! + i * tanh(a.part(1, of: 3))
      s = ["h": sigmoid(a.part(2, of: 3)) * tanh(c), "c": c]
      return s["h"]!
    },
    // Outside of training, what is drawn is its mean.
    CellReference("ZoneoutLSTM(I, H, 30, 10)", ["h", "c"]) { p, x, s in
      let (o, n) = lstm(try p("W", x) + p("U", s["h"]!) + p["b"], s["c"]!)
      func mix(_ part: Double, _ old: Vector, _ new: Vector) -> Vector {
        old.map { part * $0 } + new.map { (1 - part) * $0 }
      }
      s = ["h": mix(0.1, s["h"]!, o * tanh(n)), "c": mix(0.3, s["c"]!, n)]
      return s["h"]!
    },
    CellReference("PeepholeLSTM(I, H)", ["h", "c"]) { p, x, s in
      let a = try p("W", x) + p("U", s["h"]!) + p["b"]
      let old = s["c"]!
      let i = sigmoid(a.part(0, of: 4) + (try p["p_i"]) * old)
      let f = sigmoid(a.part(1, of: 4) + (try p["p_f"]) * old)
      let c = f * old + i * tanh(a.part(2, of: 4))
      s = ["h": sigmoid(a.part(3, of: 4) + (try p["p_o"]) * c) * tanh(c), "c": c]
      return s["h"]!
    },
    CellReference("LayerNormLSTM(I, H)", ["h", "c"]) { p, x, s in
      func norm(_ name: String, _ x: Vector) throws -> Vector {
        try p["\(name).gain"] * normalized(x) + p["\(name).bias"]
      }
      let (o, c) = lstm(try norm("norm_x", p("W", x)) + norm("norm_h", p("U", s["h"]!)) + p["b"], s["c"]!)
      s = ["h": o * tanh(try norm("norm_c", c)), "c": c]
      return s["h"]!
    },
  ]

  private static let gated = [
    CellReference("GRU(I, H)") { p, x, s in
      let (a, b) = (try p("W", x) + p["b_x"], try p("U", s["h"]!) + p["b_h"])
      let r = sigmoid(a.part(0, of: 3) + b.part(0, of: 3))
      let z = sigmoid(a.part(1, of: 3) + b.part(1, of: 3))
      let n = tanh(a.part(2, of: 3) + r * b.part(2, of: 3))
      s["h"] = rest(z) * n + z * s["h"]!
      return s["h"]!
    },
    CellReference("GRUBefore(I, H)") { p, x, s in
      let h = s["h"]!
      let z = sigmoid(try p("W_z", x) + p("U_z", h) + p["b_z"])
      let r = sigmoid(try p("W_r", x) + p("U_r", h) + p["b_r"])
      let n = tanh(try p("W_n", x) + p("U_n", r * h) + p["b_n"])
      s["h"] = z * h + rest(z) * n
      return s["h"]!
    },
    CellReference("MinimalGRU(I, H)") { p, x, s in
      let h = s["h"]!
      let f = sigmoid(try p("W_f", x) + p("U_f", h) + p["b_f"])
      let n = tanh(try p("W_n", x) + p("U_n", f * h) + p["b_n"])
      s["h"] = rest(f) * h + f * n
      return s["h"]!
    },
  ]

  private static let linear = [
    CellReference("MinGRU(I, H)") { p, x, s in
      let z = sigmoid(try p("W_z", x) + p["b_z"])
      s["h"] = rest(z) * s["h"]! + z * (try p("W_h", x) + p["b_h"])
      return s["h"]!
    },
    CellReference("SRU(I, H)", ["c"]) { p, x, s in
      let old = s["c"]!
      let f = sigmoid(try p("W_f", x) + p["v_f"] * old + p["b_f"])
      let r = sigmoid(try p("W_r", x) + p["v_r"] * old + p["b_r"])
      let c = f * old + rest(f) * (try p("W_c", x))
      s["c"] = c
      return r * c + rest(r) * (try p("W_y", x))
    },
    CellReference("QRNN(I, H)", ["c", "v"]) { p, x, s in
      let a = try s["v"]! + p("W", x) + p["b"]
      let f = sigmoid(a.part(1, of: 3))
      let c = f * s["c"]! + rest(f) * tanh(a.part(0, of: 3))
      s = ["c": c, "v": try p("V", x)]
      return sigmoid(a.part(2, of: 3)) * c
    },
  ]
}
