// See lib/shape.h.
#error "the project's ops/losses.h was taken for Duel's"
