package comfyui.cockpit.comfy;

import comfyui.cockpit.json.Json;
import comfyui.cockpit.json.Value;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.zip.InflaterInputStream;

/** Finds the workflow in a file: JSON, or a PNG or WebP picture that ComfyUI saved. */
public final class WorkflowFile {
  private static final byte[] PNG = {(byte) 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  private static final int LARGEST_TEXT = 64 << 20;

  private WorkflowFile() {}

  /** @throws IllegalArgumentException with why there is none, as the end of a sentence */
  public static Workflow read(byte[] bytes) {
    Map<String, String> texts = new LinkedHashMap<>();
    try {
      if (startsWith(bytes, PNG)) {
        png(bytes, texts);
      } else if (bytes.length > 12 && ascii(bytes, 0, 4).equals("RIFF") && ascii(bytes, 8, 4).equals("WEBP")) {
        webp(bytes, texts);
      } else {
        texts.put("workflow", new String(bytes, StandardCharsets.UTF_8));
      }
    } catch (IOException | RuntimeException e) {
      throw new IllegalArgumentException("the picture is damaged", e);
    }
    // The editor's format carries links; the API's is the second choice.
    for (String key : new String[] {"workflow", "prompt"}) {
      Optional<Workflow> workflow = Optional.ofNullable(texts.get(key)).flatMap(Json::read).flatMap(WorkflowFile::workflow);
      if (workflow.isPresent()) {
        return workflow.get();
      }
    }
    throw new IllegalArgumentException("it holds no ComfyUI workflow");
  }

  private static Optional<Workflow> workflow(Value json) {
    return Workflow.read(json);
  }

  private static void png(byte[] bytes, Map<String, String> texts) throws IOException {
    ByteBuffer buffer = ByteBuffer.wrap(bytes).position(PNG.length);
    while (buffer.remaining() >= 12) {
      int length = buffer.getInt();
      String type = ascii(bytes, buffer.position(), 4);
      int start = buffer.position() + 4;
      if (length < 0 || start + length + 4 > bytes.length) {
        return;
      }
      if (type.equals("tEXt") || type.equals("zTXt") || type.equals("iTXt")) {
        text(type, java.util.Arrays.copyOfRange(bytes, start, start + length), texts);
      }
      buffer.position(start + length + 4);
    }
  }

  private static void text(String type, byte[] chunk, Map<String, String> texts) throws IOException {
    int end = indexOf(chunk, (byte) 0, 0);
    if (end < 0) {
      return;
    }
    String key = ascii(chunk, 0, end);
    switch (type) {
      case "tEXt" -> texts.put(key, new String(chunk, end + 1, chunk.length - end - 1, StandardCharsets.ISO_8859_1));
      case "zTXt" -> texts.put(key, new String(inflate(chunk, end + 2), StandardCharsets.ISO_8859_1));
      default -> {
        boolean compressed = chunk[end + 1] == 1;
        int language = indexOf(chunk, (byte) 0, end + 3);
        int translated = indexOf(chunk, (byte) 0, language + 1);
        byte[] content = compressed ? inflate(chunk, translated + 1) : java.util.Arrays.copyOfRange(chunk, translated + 1, chunk.length);
        texts.put(key, new String(content, StandardCharsets.UTF_8));
      }
    }
  }

  /** ComfyUI writes {@code workflow:{…}} and {@code prompt:{…}} into two text fields of the Exif block. */
  private static void webp(byte[] bytes, Map<String, String> texts) {
    ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).position(12);
    while (buffer.remaining() >= 8) {
      String type = ascii(bytes, buffer.position(), 4);
      int length = buffer.getInt(buffer.position() + 4);
      int start = buffer.position() + 8;
      if (length < 0 || start + length > bytes.length) {
        return;
      }
      if (type.equals("EXIF")) {
        String exif = new String(bytes, start, length, StandardCharsets.UTF_8);
        for (String key : new String[] {"workflow", "prompt"}) {
          int at = exif.indexOf(key + ":{");
          if (at >= 0) {
            int end = exif.indexOf('\0', at);
            texts.put(key, exif.substring(at + key.length() + 1, end < 0 ? exif.length() : end));
          }
        }
      }
      buffer.position(Math.min(bytes.length, start + length + (length & 1)));
    }
  }

  private static byte[] inflate(byte[] chunk, int from) throws IOException {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    try (InputStream in = new InflaterInputStream(new ByteArrayInputStream(chunk, from, chunk.length - from))) {
      out.writeBytes(in.readNBytes(LARGEST_TEXT));
    }
    return out.toByteArray();
  }

  private static boolean startsWith(byte[] bytes, byte[] start) {
    return bytes.length >= start.length && java.util.Arrays.equals(bytes, 0, start.length, start, 0, start.length);
  }

  private static int indexOf(byte[] bytes, byte wanted, int from) {
    for (int i = from; i < bytes.length; i++) {
      if (bytes[i] == wanted) {
        return i;
      }
    }
    return -1;
  }

  private static String ascii(byte[] bytes, int from, int length) {
    return new String(bytes, from, length, StandardCharsets.ISO_8859_1);
  }
}
