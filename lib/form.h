// Other forms of a weight, in which products read it: see Tensor::form().
#pragma once

#include "lib/dtype.h"
#include "lib/shape.h"

namespace duel {

enum class Form {
  BFloat16,    ///< rounded to bfloat16
  Tf32,        ///< float32, rounded to the digits of TF32; of a convolution's weight
  Tf32Turned,  ///< the same of a weight (oc, kh, kw, ic) as (ic, kh, kw, oc)
};

constexpr DType form_type(Form form) { return form == Form::BFloat16 ? DType::BFloat16 : DType::Float32; }

/// The shape that a tensor has in a form. Throws where the form is not for such tensors.
inline Shape form_shape(Form form, const Shape& shape) {
  if (form == Form::BFloat16) return shape;
  check(shape.dims() == 4, "[form] of a convolution's weight, (oc, kh, kw, ic); got shape ", shape);
  if (form == Form::Tf32) return shape;
  return {shape[3], shape[1], shape[2], shape[0]};
}

}  // namespace duel
