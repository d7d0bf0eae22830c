import RNNGraph

/// Printed graphs that together hold every operation, role and initialiser.
enum Samples {
  static let recurrent = """
    graph "character \\"model\\"" {
      %0 = parameter "rnn.W" uniform(0.0625) : f32[8, 8]
      %1 = parameter "rnn.b" constant(-1e-05) : f32[8]
      %2 = parameter "out.W" orthogonal : f32[4, 8]
      %3 = parameter "table" normal(0.1) : f32[4, 8]
      %4 = data "text" below(4) : i32[T, B]
      %5 = target "next" below(4) : i32[T, B]
      %6 = state "rnn.h" : f32[B, 8]
      %7 = hyperparameter "rate" : f32[]
      %8 = optimizer "rnn.b.m" : f32[8]
      %9 = gather %3, %4 : f32[T, B, 8]
      %10 = broadcast %1 axes(1) : f32[B, 8]
      %11, %12 = scan T reverse : f32[B, 8], f32[T, B, 8] {
        invariant %13 = %0 : f32[8, 8]
        invariant %14 = %10 : f32[B, 8]
        carry %15 = %6 : f32[B, 8]
        sequence %16 = %9 : f32[B, 8]
        %17 = dot %15, %13 contract(1; 1) : f32[B, 8]
        %18 = add %17, %14 : f32[B, 8]
        %19 = add %18, %16 : f32[B, 8]
        %20 = tanh %19 : f32[B, 8]
        yield %20, %20
      }
      %21 = dot %12, %2 contract(2; 1) chain : f32[T, B, 4]
      %22 = one_hot %5 extent(4) : f32[T, B, 4]
      %23 = subtract %21, %22 : f32[T, B, 4]
      %24 = multiply %23, %23 : f32[T, B, 4]
      %25 = reduce_sum %24 axes(0, 1, 2) chain : f32[]
      %26 = size of(B, T) : f32[]
      %27 = divide %25, %26 : f32[]
      output "y" = %21
      state "rnn.h" = %11
      loss "loss" over(T, B) = %27
      gradient "grad.rnn.b" of "rnn.b" = %8
      update "rnn.b" of "rnn.b" = %1
      metric "norm" = %26
    }

    """

  static let movement = """
    graph "movement" {
      %0 = data "x" : f64[T, 2, 3]
      %1 = data "y" : f64[B, 2, 3]
      %2 = data "ids" : i32[S]
      %3 = slice %0 axis(0) back(1) count(2) : f64[2, 2, 3]
      %4 = pad %3 axis(0) back(1) to(T) : f64[T, 2, 3]
      %5 = slice %3 axis(2) front(1) count(1) : f64[2, 2, 1]
      %6 = concat %3, %5 axis(2) : f64[2, 2, 4]
      %7 = reverse %6 axis(1) : f64[2, 2, 4]
      %8 = reshape %7 : f64[16]
      %9 = transpose %4 axes(1, 0, 2) : f64[2, T, 3]
      %10 = dot %9, %1 contract(2; 2) batch(0; 1) : f64[2, T, B]
      %11 = reduce_maximum %10 axes(0) : f64[T, B]
      %12 = reduce_minimum %10 axes(2) : f64[2, T]
      %13 = less_or_equal %11, %11 : bool[T, B]
      %14 = select %13, %11, %11 : f64[T, B]
      %15 = convert %14 : f32[T, B]
      %16 = detach %15 : f32[T, B]
      %17 = softplus %16 : f32[T, B]
      %18 = constant nan : f32[]
      %19 = constant -inf : f32[]
      %20 = constant -0 : f32[]
      %21 = constant 0.1 : f64[S, 2]
      %22 = constant 1.7976931348623157e+308 : f64[]
      %23 = constant 5e-324 : f64[]
      %24 = constant 2147483647 : i32[]
      %25 = scatter_add %2, %21 extent(5) chain : f64[5, 2]
      %26 = size of() : i32[]
      %27 = straight_through %16, %15 : f32[T, B]
      %28 = clip_gradient %27 bound(0.25) : f32[T, B]
      %29 = table (1, -0, inf, 1e-320, 0.1, 3) : f64[3, 2]
      output "eight" = %8
      output "last" = %12
    }

    """

  static let nested = """
    graph "nested" {
      %0 = data "x" : f32[T, S]
      %1 = constant 0 : f32[]
      %2, %3 = scan T : f32[], f32[T, S] {
        carry %4 = %1 : f32[]
        sequence %5 = %0 : f32[S]
        %6, %7 = scan S reverse : f32[], f32[S] {
          carry %8 = %4 : f32[]
          sequence %9 = %5 : f32[]
          %10 = add %8, %9 : f32[]
          yield %10, %10
        }
        yield %6, %7
      }
      scan T {
        yield
      }
      output "sum" = %2
      output "sums" = %3
    }

    """

  static let all = [recurrent, movement, nested]
}
