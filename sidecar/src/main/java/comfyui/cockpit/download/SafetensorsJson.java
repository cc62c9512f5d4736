package comfyui.cockpit.download;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/** Reads the header of a safetensors file as it streams by: it may be large, and only the offsets matter. */
final class SafetensorsJson {
  private static final JsonFactory FACTORY =
      JsonFactory.builder().streamReadConstraints(StreamReadConstraints.builder().maxNestingDepth(20).maxNumberLength(30).build()).build();

  private SafetensorsJson() {}

  private record Span(long from, long to) {}

  /**
   * @param header exactly the header's bytes
   * @return how many bytes of tensors follow it
   * @throws IllegalArgumentException with what is wrong, as the end of a sentence
   */
  static long dataLength(InputStream header) throws IOException {
    List<Span> spans = new ArrayList<>();
    try (JsonParser parser = FACTORY.createParser(header)) {
      if (parser.nextToken() != JsonToken.START_OBJECT) {
        throw new IllegalArgumentException("its header is no JSON object");
      }
      while (parser.nextToken() != JsonToken.END_OBJECT) {
        String tensor = parser.currentName();
        parser.nextToken();
        if (tensor.equals("__metadata__")) {
          parser.skipChildren();
        } else {
          spans.add(span(parser).orElseThrow(() -> new IllegalArgumentException("tensor " + tensor + " has no data_offsets")));
        }
      }
      if (parser.nextToken() != null) {
        throw new IllegalArgumentException("its header goes on after its end");
      }
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("its header is no JSON", e);
    }
    spans.sort(Comparator.comparingLong(Span::from).thenComparingLong(Span::to));
    long at = 0;
    for (Span span : spans) {
      if (span.from() != at || span.to() < span.from()) {
        throw new IllegalArgumentException("its tensors leave a gap or overlap at byte " + at);
      }
      at = span.to();
    }
    return at;
  }

  private static Optional<Span> span(JsonParser parser) throws IOException {
    Optional<Span> found = Optional.empty();
    if (parser.currentToken() != JsonToken.START_OBJECT) {
      parser.skipChildren();
      return found;
    }
    while (parser.nextToken() != JsonToken.END_OBJECT) {
      boolean offsets = parser.currentName().equals("data_offsets");
      parser.nextToken();
      if (offsets && parser.currentToken() == JsonToken.START_ARRAY
          && parser.nextToken() == JsonToken.VALUE_NUMBER_INT) {
        long from = parser.getLongValue();
        if (parser.nextToken() == JsonToken.VALUE_NUMBER_INT) {
          long to = parser.getLongValue();
          if (parser.nextToken() == JsonToken.END_ARRAY) {
            found = Optional.of(new Span(from, to));
            continue;
          }
        }
        throw new IllegalArgumentException("a tensor's data_offsets are not two numbers");
      }
      parser.skipChildren();
    }
    return found;
  }
}
